//! A leader that writes without end and says what was acknowledged: `PLACE ROUND`. It is there to be
//! killed.

use std::io::Write as _;
use std::process::ExitCode;

use leasehold_storage::{Answer, Batch, Chunk, NewRecord, OpenMode, Store, StoreError, open};
use leasehold_units::Instant;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, place, round] = arguments.as_slice() else { return ExitCode::FAILURE };
    let ended =
        open(place, OpenMode::Lead { wait: true }).and_then(|mut store| write(&mut *store, round));
    // Whoever started this may have gone.
    let _ = writeln!(std::io::stdout(), "ended {ended:?}");
    ExitCode::FAILURE
}

fn write(store: &mut dyn Store, round: &str) -> Result<(), StoreError> {
    let mut said = std::io::stdout();
    // Whoever started this may have gone.
    let _ = writeln!(said, "leads {}", store.head().seq);
    for count in 0_u64.. {
        let name = format!("{round}-{count}");
        let records = (0..=count % 7).map(|part| NewRecord {
            at: Instant::from_unix(i64::try_from(count).unwrap_or_default()),
            body: format!("{{\"command\":\"{name}\",\"part\":{part}}}"),
        });
        let batch = Batch {
            records: records.collect(),
            answers: vec![Answer {
                principal: "writer".into(),
                command: name.clone(),
                at: Instant::from_unix(0),
                digest: [1; 32],
                status: 200,
                body: "{}".into(),
            }],
            chunks: vec![Chunk { stream: "names".into(), text: format!("{name}\n") }],
            archive: Vec::new(),
        };
        let head = store.append(&batch)?;
        let _ = writeln!(said, "wrote {name} {}", head.seq);
    }
    Ok(())
}
