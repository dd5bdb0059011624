//! A FOCUS dataset as a file: CSV or Parquet, from the same columns.

use std::io::{self, Write};
use std::sync::Arc;

use leasehold_ledger::focus::{Cell, Column, ColumnKind, SCALE};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, FixedLenByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

/// Rows in a row group: some ten MiB of memory.
const GROUP_ROWS: usize = 1 << 14;

/// One header line, one line a row; nothing for none.
pub fn write_csv<R>(out: &mut dyn Write, columns: &[Column<R>], rows: &[R]) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name))?;
    for row in rows {
        writer.write_record(columns.iter().map(|column| (column.value)(row).to_string()))?;
    }
    writer.flush()
}

/// Optional columns: texts, UTC timestamps in milliseconds, decimals of 38 digits.
pub fn write_parquet<R>(
    out: &mut (dyn Write + Send),
    columns: &[Column<R>],
    rows: &[R],
) -> io::Result<()> {
    let schema = Arc::new(parse_message_type(&schema(columns)).map_err(io::Error::other)?);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let properties = Arc::new(properties.set_created_by("leasehold".into()).build());
    let mut writer =
        SerializedFileWriter::new(out, schema, properties).map_err(io::Error::other)?;
    for rows in rows.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group().map_err(io::Error::other)?;
        for column in columns {
            write_column(&mut group, column, rows)?;
        }
        group.close().map_err(io::Error::other)?;
    }
    writer.close().map(|_| ()).map_err(io::Error::other)
}

fn schema<R>(columns: &[Column<R>]) -> String {
    let fields = columns.iter().map(|column| {
        let name = column.name;
        match column.kind {
            ColumnKind::Text => format!("optional binary {name} (string);"),
            ColumnKind::Time => format!("optional int64 {name} (timestamp(millis,true));"),
            ColumnKind::Decimal => {
                format!("optional fixed_len_byte_array(16) {name} (decimal(38,{SCALE}));")
            }
        }
    });
    format!("message focus {{ {} }}", fields.collect::<Vec<_>>().join(" "))
}

fn write_column<R, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    column: &Column<R>,
    rows: &[R],
) -> io::Result<()> {
    let cells = || rows.iter().map(|row| (column.value)(row));
    match column.kind {
        ColumnKind::Text => write_values::<ByteArrayType, W>(
            group,
            cells().map(|cell| match cell {
                Cell::Text(text) => Some(ByteArray::from(text)),
                _ => None,
            }),
        ),
        ColumnKind::Time => write_values::<Int64Type, W>(
            group,
            cells().map(|cell| match cell {
                Cell::Time(at) => Some(at.unix() * 1000),
                _ => None,
            }),
        ),
        ColumnKind::Decimal => write_values::<FixedLenByteArrayType, W>(
            group,
            cells().map(|cell| match cell {
                Cell::Decimal(decimal) => {
                    Some(ByteArray::from(decimal.scaled().to_be_bytes().to_vec()).into())
                }
                _ => None,
            }),
        ),
    }
}

fn write_values<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> io::Result<()> {
    let values: Vec<Option<T::T>> = values.collect();
    let defined: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let values: Vec<T::T> = values.into_iter().flatten().collect();
    let column = group.next_column().map_err(io::Error::other)?;
    let mut column = column.expect("the schema has a column for each call");
    let written = column.typed::<T>().write_batch(&values, Some(&defined), None);
    written.map_err(io::Error::other)?;
    column.close().map_err(io::Error::other)
}
