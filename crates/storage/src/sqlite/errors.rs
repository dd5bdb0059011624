//! What SQLite says, in words of what there is to do.

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

/// An error outside a commit: nothing of the transaction stays.
pub fn told(place: &str, error: &Error) -> StoreError {
    let place = place.to_owned();
    let why = error.to_string();
    match error {
        Error::SqliteFailure(code, _) => match code.code {
            ErrorCode::DiskFull => StoreError::Full { place },
            ErrorCode::ReadOnly | ErrorCode::PermissionDenied => {
                StoreError::ReadOnly { place, why }
            }
            ErrorCode::DatabaseCorrupt => StoreError::Damaged { place, what: why },
            ErrorCode::NotADatabase => StoreError::Foreign {
                place,
                why: "it is no SQLite file, or its first page is damaged".into(),
            },
            ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => StoreError::Busy { place, why },
            ErrorCode::SystemIoFailure if code.extended_code == ffi::SQLITE_IOERR_SHORT_READ => {
                StoreError::Damaged { place, what: "a page is cut off".into() }
            }
            ErrorCode::CannotOpen | ErrorCode::SystemIoFailure => {
                StoreError::Unreachable { place, why }
            }
            _ => StoreError::Backend { place, why },
        },
        // STRICT tables hold nothing else than what was declared, unless pages were changed.
        Error::InvalidColumnType(..)
        | Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::Utf8Error(..) => StoreError::Damaged { place, what: why },
        _ => StoreError::Backend { place, why },
    }
}

/// An error of the commit itself. If the disk failed under it, the pages may or may not be there
/// after a restart.
pub fn told_of_commit(place: &str, error: &Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure) => {
            StoreError::Unknown { place: place.into(), why: error.to_string() }
        }
        _ => told(place, error),
    }
}
