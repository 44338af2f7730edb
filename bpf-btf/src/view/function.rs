//! Functions and prototypes.

use super::{Head, records, view};
use crate::TypeId;
use crate::raw::RawParam;

/// Function.
#[derive(Clone, Copy)]
pub struct Func<'btf> {
    pub(super) head: Head<'btf>,
}
view!(Func);

impl Func<'_> {
    /// The prototype, of kind `FUNC_PROTO` in a blob that was [validated](crate::Btf::validate).
    #[inline]
    pub fn prototype(&self) -> TypeId {
        self.head.target()
    }

    /// Linkage.
    pub fn linkage(&self) -> FuncLinkage {
        FuncLinkage::from_number(self.head.raw.vlen())
    }
}

/// Linkage of a function (`BTF_FUNC_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FuncLinkage {
    /// Visible in its file only.
    Static,
    /// Defined and visible everywhere.
    Global,
    /// Declared here and defined elsewhere.
    Extern,
    /// A number without a meaning yet.
    Unknown(u32),
}

impl FuncLinkage {
    /// The linkage with the given number.
    #[inline]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Static,
            1 => Self::Global,
            2 => Self::Extern,
            other => Self::Unknown(other),
        }
    }

    /// The number in the record.
    pub const fn number(self) -> u32 {
        match self {
            Self::Static => 0,
            Self::Global => 1,
            Self::Extern => 2,
            Self::Unknown(number) => number,
        }
    }
}

/// Function prototype.
#[derive(Clone, Copy)]
pub struct FuncProto<'btf> {
    pub(super) head: Head<'btf>,
}
view!(FuncProto);

impl<'btf> FuncProto<'btf> {
    /// Type of the result.
    #[inline]
    pub fn return_type(&self) -> TypeId {
        self.head.target()
    }

    /// The parameters. A variadic prototype ends with one that [is variadic](Param::is_variadic).
    #[inline]
    pub fn params(&self) -> Params<'btf> {
        Params { head: self.head, records: self.raw_params().iter() }
    }

    /// Number of parameters, the variadic one included.
    #[inline]
    pub fn param_count(&self) -> usize {
        self.raw_params().len()
    }

    #[inline]
    pub(crate) fn raw_params(&self) -> &'btf [RawParam] {
        self.head.elements()
    }
}

records! {
    /// Parameters of a prototype, made by [`FuncProto::params`].
    Params, RawParam, Param, |head, raw| Param { head, raw }
}

/// Parameter of a prototype.
#[derive(Clone, Copy)]
pub struct Param<'btf> {
    head: Head<'btf>,
    raw: &'btf RawParam,
}

impl<'btf> Param<'btf> {
    /// Name, often empty in prototypes of pointers to functions.
    #[inline]
    pub fn name(&self) -> &'btf str {
        self.head.btf.string(self.raw.name_off.get()).unwrap_or_default()
    }

    /// Offset of the name in the strings, 0 when it has none.
    #[inline]
    pub fn name_offset(&self) -> u32 {
        self.raw.name_off.get()
    }

    /// Type of the parameter.
    #[inline]
    pub fn type_id(&self) -> TypeId {
        TypeId::new(self.raw.type_.get())
    }

    /// Whether this stands for `...`: no name and type `void`.
    pub fn is_variadic(&self) -> bool {
        self.raw.name_off.get() == 0 && self.raw.type_.get() == 0
    }
}

impl core::fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Param")
            .field("name", &self.name())
            .field("type_id", &self.type_id())
            .finish()
    }
}
