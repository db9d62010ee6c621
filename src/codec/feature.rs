//! What a patch may have switched on: nothing of it stands in any record before the head says so, and then for ever.

/// Something that is switched on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Records that expire. The head has a stored clock.
    Expiry = 1,
    /// Writes that are logged. The head has a device and the next stamp.
    OpLog = 2,
    /// Records of the catalog. The head has the number of its last change.
    Catalog = 4,
    /// Contents, and references to them. The head says so.
    Contents = 8,
}

/// Some of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Features(u8);

impl Features {
    /// None.
    pub const NONE: Self = Self(0);

    /// Adds one, if it is there.
    #[must_use]
    pub const fn with(self, feature: Feature, is_there: bool) -> Self {
        Self(self.0 | if is_there { feature as u8 } else { 0 })
    }

    /// Whether it is among these.
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & feature as u8 != 0
    }

    /// All of both.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether any of the others is not among these.
    #[must_use]
    pub const fn lack(self, others: Self) -> bool {
        others.0 & !self.0 != 0
    }
}

impl From<Feature> for Features {
    fn from(feature: Feature) -> Self {
        Self::NONE.with(feature, true)
    }
}
