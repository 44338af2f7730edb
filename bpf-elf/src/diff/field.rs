//! Fields that change, and their values.

use std::borrow::Cow;

/// A field whose value is another one.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FieldChange<'spec, F> {
    /// The field.
    pub field: F,
    /// What it was.
    pub old: FieldValue<'spec>,
    /// What it is.
    pub new: FieldValue<'spec>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FieldValue<'spec> {
    /// It is not set.
    Nothing,
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A number whose bits have meanings.
    Bits(u64),
    /// A name or another text.
    Text(Cow<'spec, str>),
    /// Bytes, in the byte order of the object.
    Bytes(&'spec [u8]),
    /// So many bytes that are all zero.
    Zeros(u64),
    /// A list of names.
    List(Vec<String>),
    /// Keys with their values, sorted by key, in the byte order of the object.
    Pairs(Vec<(&'spec [u8], &'spec [u8])>),
    /// A type of this name, of which what it is made of changes and not the name.
    Layout(Cow<'spec, str>),
}

/// A field, with a name for texts and JSON.
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident = $text:literal,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            #[non_exhaustive]
            pub enum $name {
                $($(#[$field_doc])* $field,)+
            }

            impl $name {
                /// The name, as `bpf-elf inspect` has it where it is there.
                pub const fn name(self) -> &'static str {
                    match self {
                        $(Self::$field => $text,)+
                    }
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str(self.name())
                }
            }
        )+
    };
}

fields! {
    /// A field of an object as a whole.
    SpecField {
        /// The byte order.
        ByteOrder = "byte_order",
        /// The licence.
        License = "license",
        /// The number in the section `version`.
        KernelVersion = "kernel_version",
    }
    /// A field of a program.
    ProgramField {
        /// The name in the specification, where that is not its key.
        Name = "name",
        /// The section.
        Section = "section",
        /// The program type.
        Type = "type",
        /// The expected attach type.
        AttachType = "attach_type",
        /// Whether kernels that do not know attach types will do.
        AttachTypeOptional = "attach_type_optional",
        /// What it attaches to.
        AttachTo = "attach_to",
        /// Whether the kernel wants the BTF id of the target.
        NeedsBtfTarget = "needs_btf_target",
        /// The flags of `BPF_PROG_LOAD`.
        Flags = "flags",
        /// Whether it is loaded by default.
        Autoload = "autoload",
        /// The function that handles its exceptions.
        ExceptionCallback = "exception_callback",
    }
    /// A field of a map.
    MapField {
        /// The name in the specification, where that is not its key.
        Name = "name",
        /// The section.
        Section = "section",
        /// The map type.
        Type = "type",
        /// Bytes in a key.
        KeySize = "key_size",
        /// Bytes in a value.
        ValueSize = "value_size",
        /// The most entries.
        MaxEntries = "max_entries",
        /// The flags of `BPF_MAP_CREATE`.
        Flags = "flags",
        /// The NUMA node.
        NumaNode = "numa_node",
        /// The number whose meaning depends on the map type.
        MapExtra = "map_extra",
        /// Whether it is pinned.
        Pinning = "pinning",
        /// The type of a key.
        KeyType = "key_type",
        /// The type of a value.
        ValueType = "value_type",
        /// What each map in a map of maps looks like.
        Inner = "inner",
        /// What it begins with.
        Contents = "contents",
        /// The programs that a `struct_ops` value points to.
        Functions = "functions",
        /// Whether it is created by default.
        Autocreate = "autocreate",
        /// Whether it is frozen.
        Freeze = "freeze",
        /// What a legacy definition has after its five fields.
        Extra = "extra",
    }
    /// A field of a variable.
    VariableField {
        /// The name in the specification, where that is not its key.
        Name = "name",
        /// The map that holds it.
        Map = "map",
        /// Bytes from the start of the value of the map.
        Offset = "offset",
        /// Bytes.
        Size = "size",
        /// Whether the verifier knows the value.
        Constant = "constant",
        /// The type.
        Type = "type",
        /// The value before the first program runs.
        Value = "value",
    }
    /// A field of an extern.
    ExternField {
        /// The name in the specification, where that is not its key.
        Name = "name",
        /// Where its value comes from.
        Kind = "kind",
        /// Whether it may be missing.
        Weak = "weak",
        /// The type.
        Type = "type",
        /// For kconfig: bytes from the start of the map `.kconfig`.
        Offset = "offset",
        /// For kconfig: bytes.
        Size = "size",
    }
}

/// Collects the fields that differ.
pub(super) struct Fields<'spec, F>(Vec<FieldChange<'spec, F>>);

impl<'spec, F> Fields<'spec, F> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, field: F, old: FieldValue<'spec>, new: FieldValue<'spec>) {
        self.0.push(FieldChange { field, old, new });
    }

    pub(super) fn value(&mut self, field: F, old: FieldValue<'spec>, new: FieldValue<'spec>) {
        if old != new {
            self.add(field, old, new);
        }
    }

    pub(super) fn text(&mut self, field: F, old: &'spec str, new: &'spec str) {
        self.value(field, FieldValue::Text(old.into()), FieldValue::Text(new.into()));
    }

    pub(super) fn option(&mut self, field: F, old: Option<&'spec str>, new: Option<&'spec str>) {
        self.value(field, optional(old), optional(new));
    }

    pub(super) fn number(&mut self, field: F, old: impl Into<u64>, new: impl Into<u64>) {
        self.value(field, FieldValue::Number(old.into()), FieldValue::Number(new.into()));
    }

    pub(super) fn bits(&mut self, field: F, old: impl Into<u64>, new: impl Into<u64>) {
        self.value(field, FieldValue::Bits(old.into()), FieldValue::Bits(new.into()));
    }

    pub(super) fn flag(&mut self, field: F, old: bool, new: bool) {
        self.value(field, FieldValue::Flag(old), FieldValue::Flag(new));
    }

    /// A type, which may change though its name does not.
    pub(super) fn ty(
        &mut self,
        field: F,
        old: Option<&'spec str>,
        new: Option<&'spec str>,
        is_same: bool,
    ) {
        match (old, new) {
            (Some(old), Some(new)) if old == new && !is_same => {
                let layout = |name: &'spec str| FieldValue::Layout(name.into());
                self.add(field, layout(old), layout(new));
            }
            // Without a name only the digest tells.
            (None, None) if !is_same => {
                let layout = FieldValue::Layout(Cow::Borrowed(""));
                self.add(field, layout.clone(), layout);
            }
            _ => self.option(field, old, new),
        }
    }

    pub(super) fn finish(self) -> Vec<FieldChange<'spec, F>> {
        self.0
    }
}

fn optional(text: Option<&str>) -> FieldValue<'_> {
    text.map_or(FieldValue::Nothing, |text| FieldValue::Text(text.into()))
}

/// A name of the kernel's vocabulary, or the number where it has none.
pub(super) fn named(name: Option<&'static str>, number: u32) -> FieldValue<'static> {
    name.map_or(FieldValue::Number(number.into()), |name| FieldValue::Text(name.into()))
}
