//! Ids: numbers that the kernel gives to its objects, unique per kind as long as the object lives.

/// One newtype per kind, so that they never meet.
macro_rules! id {
    ($( $(#[$doc:meta])* $type:ident; )+) => {
        $(
            $(#[$doc])*
            #[doc = ""]
            #[doc = "Ids start at 1; the kernel reuses the number of an object that is gone."]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
            #[repr(transparent)]
            pub struct $type(pub u32);

            impl core::fmt::Display for $type {
                fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                    core::fmt::Display::fmt(&self.0, f)
                }
            }

            impl From<$type> for u32 {
                fn from(id: $type) -> u32 {
                    id.0
                }
            }
        )+
    };
}

id! {
    /// The id of a map.
    MapId;
    /// The id of a program.
    ProgramId;
    /// The id of a link.
    LinkId;
    /// The id of a BTF object, not of a type in it.
    BtfId;
}
