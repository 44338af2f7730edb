//! Externs: what the kernel or its configuration gives.

/// Where the value of an extern comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ExternKind {
    /// The configuration of the kernel, or one of libbpf's virtual `LINUX_` values (`__kconfig`).
    Kconfig,
    /// A variable or other symbol of the kernel (`__ksym`).
    Ksym,
    /// A function of the kernel (`__ksym`).
    Kfunc,
}

/// A symbol that the kernel has to supply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExternSpec {
    /// The symbol.
    pub name: String,
    /// Where its value comes from.
    pub kind: ExternKind,
    /// May be missing: its value or address is then 0.
    pub weak: bool,
    /// The type as C would write it; `None` for a symbol declared as `void`.
    pub type_name: Option<String>,
    /// The type as its number in the BTF of the object (of a kfunc: the function itself); 0 for `void`.
    pub type_id: u32,
    /// For kconfig: bytes from the start of the value of the map `.kconfig`; otherwise 0.
    pub offset: u32,
    /// For kconfig: bytes of the value; otherwise 0.
    pub size: u32,
}

impl ExternSpec {
    /// A strong extern of unknown type.
    pub fn new(name: impl Into<String>, kind: ExternKind) -> Self {
        Self {
            name: name.into(),
            kind,
            weak: false,
            type_name: None,
            type_id: 0,
            offset: 0,
            size: 0,
        }
    }

    /// Whether it was declared as `void`: such a symbol of the kernel has an address and nothing else.
    pub fn is_typeless(&self) -> bool {
        self.type_name.as_deref().is_none_or(|name| name.ends_with("void"))
    }
}
