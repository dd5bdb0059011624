//! `usage.parquet`: every GPU-second of the site, in rows of like nodes.
//!
//! Columns: `start`, `end` (UTC, whole seconds, as timestamps in milliseconds), `node_first` (number
//! of the first node), `nodes`, `gpus_per_node`, `state`, `party`, `lease` (empty where none).

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use leasehold_control::State;
use leasehold_ledger::UsageInterval;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// Rows in a row group: a few MiB of memory.
const GROUP_ROWS: usize = 1 << 18;

const SCHEMA: &str = "message usage {
  required int64 start (timestamp(millis,true));
  required int64 end (timestamp(millis,true));
  required int32 node_first;
  required int32 nodes;
  required int32 gpus_per_node;
  required binary state (string);
  required binary party (string);
  required binary lease (string);
}";

/// `usage.parquet` being written.
pub struct UsageFile {
    writer: SerializedFileWriter<File>,
    rows: Vec<UsageInterval>,
    names: Names,
}

/// The texts that rows refer to.
#[derive(Default)]
struct Names {
    states: Vec<ByteArray>,
    parties: Vec<ByteArray>,
    leases: Vec<ByteArray>,
    none: ByteArray,
}

impl UsageFile {
    pub fn create(path: &Path) -> io::Result<Self> {
        let schema = Arc::new(parse_message_type(SCHEMA).map_err(io::Error::other)?);
        // Least and greatest of a page of texts cost a fifth of a run, and tell a reader nothing.
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_statistics_enabled(EnabledStatistics::None);
        let properties = Arc::new(properties.set_created_by("leasehold".into()).build());
        let writer = SerializedFileWriter::new(File::create(path)?, schema, properties);
        let writer = writer.map_err(io::Error::other)?;
        Ok(Self { writer, rows: Vec::new(), names: Names::default() })
    }

    pub fn write(&mut self, rows: &[UsageInterval], state: &State) -> io::Result<()> {
        self.names.learn(state);
        self.rows.extend_from_slice(rows);
        if self.rows.len() >= GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    pub fn close(mut self) -> io::Result<()> {
        self.write_group()?;
        self.writer.close().map(|_| ()).map_err(io::Error::other)
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let (rows, names) = (&self.rows, &self.names);
        let mut group = self.writer.next_row_group().map_err(io::Error::other)?;
        column::<Int64Type>(&mut group, rows, |row| row.interval.from.unix() * 1000)?;
        column::<Int64Type>(&mut group, rows, |row| row.interval.until.unix() * 1000)?;
        column::<Int32Type>(&mut group, rows, |row| row.first_node.cast_signed())?;
        column::<Int32Type>(&mut group, rows, |row| row.nodes.cast_signed())?;
        column::<Int32Type>(&mut group, rows, |row| row.gpus_per_node.cast_signed())?;
        column::<ByteArrayType>(&mut group, rows, |row| names.states[row.state.index()].clone())?;
        let or_none = |list: &[ByteArray], index: Option<u16>| {
            index.map_or(&names.none, |index| &list[usize::from(index)]).clone()
        };
        let party = |row: &UsageInterval| or_none(&names.parties, row.party.map(|party| party.0));
        column::<ByteArrayType>(&mut group, rows, party)?;
        let lease = |row: &UsageInterval| or_none(&names.leases, row.lease.map(|lease| lease.0));
        column::<ByteArrayType>(&mut group, rows, lease)?;
        group.close().map_err(io::Error::other)?;
        self.rows.clear();
        Ok(())
    }
}

impl Names {
    fn learn(&mut self, state: &State) {
        if self.states.is_empty() {
            let states = leasehold_ledger::GpuState::ALL.iter();
            self.states = states.map(|state| ByteArray::from(state.key())).collect();
            self.none = ByteArray::from("");
        }
        for party in &state.parties[self.parties.len()..] {
            self.parties.push(ByteArray::from(party.id.as_str()));
        }
        for entry in &state.contracts.leases[self.leases.len()..] {
            self.leases.push(ByteArray::from(entry.terms().id.as_str()));
        }
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, File>,
    rows: &[UsageInterval],
    value: impl Fn(&UsageInterval) -> T::T,
) -> io::Result<()> {
    let values: Vec<T::T> = rows.iter().map(value).collect();
    let column = group.next_column().map_err(io::Error::other)?;
    let mut column = column.expect("the schema has a column for each call");
    column.typed::<T>().write_batch(&values, None, None).map_err(io::Error::other)?;
    column.close().map_err(io::Error::other)
}
