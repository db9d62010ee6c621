//! Typed errors: few codes, each of which tells the caller what helps.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

/// What went wrong: the `ErrorCode` of the public contract, whose set is closed, and [`Code::NoPatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The call itself was wrong: a type, a name, an option.
    InvalidArgument,
    /// There is no patch. To callers that is an `InvalidArgument`: the id is wrong.
    NoPatch,
    /// A value holds something that cannot be stored.
    NotStorable,
    /// A document of that id, or a patch with data, is there already.
    Exists,
    /// A unique index refuses the write.
    ConstraintViolation,
    /// A transaction met other commits more often than it may be retried.
    Conflict,
    /// The browser has no room left for the write.
    StorageQuotaExceeded,
    /// There is no storage available here.
    Unavailable,
    /// The database could not be opened in time because something holds it.
    Blocked,
    /// The handle was closed.
    Closed,
    /// The connection went away and the outcome could not be established.
    ConnectionLost,
    /// The patch is encrypted and no key was given.
    Encrypted,
    /// A key was given and the patch is not encrypted.
    NotEncrypted,
    /// The key does not open this patch.
    WrongKey,
    /// Stored bytes are damaged.
    Corrupt,
    /// Stored bytes are of a format that this version does not know.
    UnsupportedFormat,
    /// The grant does not cover it.
    AccessDenied,
    /// A limit of the grant was passed.
    LimitExceeded,
    /// A defect of this library.
    Internal,
}

impl Code {
    /// The name in the public contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument | Self::NoPatch => "InvalidArgument",
            Self::NotStorable => "NotStorable",
            Self::Exists => "Exists",
            Self::ConstraintViolation => "ConstraintViolation",
            Self::Conflict => "Conflict",
            Self::StorageQuotaExceeded => "StorageQuotaExceeded",
            Self::Unavailable => "Unavailable",
            Self::Blocked => "Blocked",
            Self::Closed => "Closed",
            Self::ConnectionLost => "ConnectionLost",
            Self::Encrypted => "Encrypted",
            Self::NotEncrypted => "NotEncrypted",
            Self::WrongKey => "WrongKey",
            Self::Corrupt => "Corrupt",
            Self::UnsupportedFormat => "UnsupportedFormat",
            Self::AccessDenied => "AccessDenied",
            Self::LimitExceeded => "LimitExceeded",
            Self::Internal => "Internal",
        }
    }

    /// What helps, as the `Remedy` of the public contract.
    #[must_use]
    pub fn remedy(self) -> &'static str {
        match self {
            Self::InvalidArgument
            | Self::NoPatch
            | Self::NotStorable
            | Self::Exists
            | Self::ConstraintViolation
            | Self::Encrypted
            | Self::NotEncrypted
            | Self::WrongKey
            | Self::AccessDenied
            | Self::LimitExceeded
            | Self::Unavailable => "fix-call",
            Self::Conflict | Self::Blocked => "retry",
            Self::StorageQuotaExceeded => "free-space",
            Self::Closed | Self::ConnectionLost => "reopen",
            Self::UnsupportedFormat | Self::Internal => "reload",
            Self::Corrupt => "restore",
        }
    }
}

/// The result of everything here that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with its code and the evidence. Cheap to clone: one failed commit may be
/// reported to many callers.
#[derive(Clone)]
pub struct Error(Rc<Inner>);

#[derive(Clone)]
struct Inner {
    code: Code,
    message: String,
    path: Option<String>,
    usage_and_quota: Option<(f64, f64)>,
    ids: Vec<Vec<u8>>,
    cause: Option<Rc<dyn Any>>,
}

impl Error {
    /// An error of `code`; the message names what was wrong.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Rc::new(Inner {
            code,
            message: message.into(),
            path: None,
            usage_and_quota: None,
            ids: Vec::new(),
            cause: None,
        }))
    }

    /// A `NoPatch`.
    #[must_use]
    pub fn no_patch() -> Self {
        Self::new(Code::NoPatch, "there is no patch with this id")
    }

    /// An `InvalidArgument`.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    /// A `Corrupt`.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::new(Code::Corrupt, message)
    }

    /// An `UnsupportedFormat`.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Code::UnsupportedFormat, message)
    }

    /// An `Internal`.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }

    /// The error of an engine that has come into a state that cannot be.
    #[must_use]
    pub fn broken(what: &str) -> Self {
        Self::internal(format!(
            "patchstore stopped this patch because of an internal fault ({what}); committed data is safe: open the patch again"
        ))
    }

    /// The error every call on a closed handle gets.
    #[must_use]
    pub fn closed() -> Self {
        Self::new(Code::Closed, "the patch is closed; open it again")
    }

    /// With the path of the offender inside a value (`NotStorable`).
    #[must_use]
    pub fn with_path(self, path: impl Into<String>) -> Self {
        self.changed(|inner| inner.path = Some(path.into()))
    }

    /// With the origin's usage and quota in bytes (`StorageQuotaExceeded`).
    #[must_use]
    pub fn with_usage(self, usage: f64, quota: f64) -> Self {
        self.changed(|inner| inner.usage_and_quota = Some((usage, quota)))
    }

    /// With the ids of the documents that collide or are missing, in WTF-8 (`ConstraintViolation`).
    #[must_use]
    pub fn with_ids(self, ids: Vec<Vec<u8>>) -> Self {
        self.changed(|inner| inner.ids = ids)
    }

    /// With how many bytes were to be stored, in the text.
    #[must_use]
    pub fn needing(self, bytes: usize) -> Self {
        self.changed(|inner| inner.message = format!("{}: {bytes} bytes are needed", inner.message))
    }

    /// With the platform's own error: a `JsValue` on wasm32.
    #[must_use]
    pub fn with_cause(self, cause: Rc<dyn Any>) -> Self {
        self.changed(|inner| inner.cause = Some(cause))
    }

    fn changed(self, change: impl FnOnce(&mut Inner)) -> Self {
        let mut rc = self.0;
        change(Rc::make_mut(&mut rc));
        Self(rc)
    }

    /// What went wrong.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The path of the offender, for `NotStorable`.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.0.path.as_deref()
    }

    /// Usage and quota in bytes, for `StorageQuotaExceeded`.
    #[must_use]
    pub fn usage_and_quota(&self) -> Option<(f64, f64)> {
        self.0.usage_and_quota
    }

    /// The ids of documents in WTF-8, for `ConstraintViolation`.
    #[must_use]
    pub fn ids(&self) -> &[Vec<u8>] {
        &self.0.ids
    }

    /// The platform's own error, where there was one.
    #[must_use]
    pub fn cause(&self) -> Option<&Rc<dyn Any>> {
        self.0.cause.as_ref()
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl std::error::Error for Error {}
