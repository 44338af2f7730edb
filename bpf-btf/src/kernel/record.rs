//! Rules for each record by itself.

use super::name::{is_identifier, is_section};
use super::{Broken, KernelRule, bytes};
use crate::{Array, Btf, Composite, Datasec, Enum, Int, Kind, Type};

pub(super) fn check(btf: &Btf, found: Type<'_>) -> Result<(), Broken> {
    let Some(head) = found.head() else { return Ok(()) };
    let record = Record {
        btf,
        name: head.raw.name_off.get(),
        vlen: head.raw.vlen(),
        flag: head.raw.kind_flag(),
        word: head.raw.size_or_type.get(),
    };
    match found {
        Type::Void => Ok(()),
        Type::Unknown(_) => Err(KernelRule::Kind.whole()),
        Type::Int(int) => record.int(int),
        Type::Ptr(_) | Type::Volatile(_) | Type::Const(_) | Type::Restrict(_) => {
            record.plain()?;
            KernelRule::NoName.unless(record.name != 0)
        }
        Type::Typedef(_) => {
            record.plain()?;
            record.named()
        }
        Type::TypeTag(_) => {
            KernelRule::Vlen.unless(record.vlen != 0)?;
            record.tag()
        }
        Type::Array(array) => record.array(array),
        Type::Struct(composite) | Type::Union(composite) => record.composite(composite),
        Type::Enum(values) | Type::Enum64(values) => record.enumeration(values),
        Type::Fwd(_) => {
            KernelRule::Vlen.unless(record.vlen != 0)?;
            KernelRule::FwdTypeWord.unless(record.word != 0)?;
            record.named()
        }
        Type::Func(_) => {
            record.named()?;
            KernelRule::FuncLinkage.unless(record.vlen > 1)?;
            record.no_flag()
        }
        Type::FuncProto(_) => {
            KernelRule::NoName.unless(record.name != 0)?;
            record.no_flag()
        }
        Type::Var(var) => {
            record.plain()?;
            record.named()?;
            KernelRule::VarType.unless(record.word == 0)?;
            KernelRule::VarLinkage.unless(var.linkage().number() > 1)
        }
        Type::Datasec(section) => record.section(section),
        Type::Float(_) => {
            record.plain()?;
            KernelRule::FloatSize.unless(!matches!(record.word, 2 | 4 | 8 | 12 | 16))
        }
        Type::DeclTag(tag) => {
            record.tag()?;
            KernelRule::Vlen.unless(record.vlen != 0)?;
            KernelRule::TagComponent.unless(tag.component().is_some_and(|index| index >> 31 != 0))
        }
    }
}

/// What all records have.
struct Record<'a> {
    btf: &'a Btf,
    name: u32,
    vlen: u32,
    flag: bool,
    word: u32,
}

impl Record<'_> {
    fn text(&self, offset: u32) -> &[u8] {
        self.btf.string_bytes(offset).unwrap_or_default()
    }

    fn is_valid(&self, offset: u32) -> bool {
        offset != 0 && is_identifier(self.text(offset))
    }

    /// A record without elements and without a use for the flag.
    fn plain(&self) -> Result<(), Broken> {
        KernelRule::Vlen.unless(self.vlen != 0)?;
        self.no_flag()
    }

    fn no_flag(&self) -> Result<(), Broken> {
        KernelRule::KindFlag.unless(self.flag)
    }

    fn named(&self) -> Result<(), Broken> {
        KernelRule::Name.unless(!self.is_valid(self.name))
    }

    fn named_or_not(&self) -> Result<(), Broken> {
        KernelRule::Name.unless(self.name != 0 && !self.is_valid(self.name))
    }

    fn tag(&self) -> Result<(), Broken> {
        KernelRule::Name.unless(self.text(self.name).is_empty())
    }

    fn int(&self, int: Int<'_>) -> Result<(), Broken> {
        self.plain()?;
        KernelRule::IntReserved.unless(int.encoding() >> 28 != 0)?;
        let bits = u64::from(int.bits()).saturating_add(u64::from(int.bit_offset()));
        KernelRule::IntWidth.unless(bits > 128)?;
        KernelRule::IntSize.unless(bytes(bits) > u64::from(int.size()))?;
        KernelRule::IntEncoding.unless((int.encoding() >> 24 & 0xf).count_ones() > 1)?;
        // The fourth bit has no meaning.
        KernelRule::IntEncoding.unless(int.encoding() >> 27 & 1 != 0)
    }

    fn array(&self, array: Array<'_>) -> Result<(), Broken> {
        KernelRule::NoName.unless(self.name != 0)?;
        self.plain()?;
        KernelRule::ArraySizeWord.unless(self.word != 0)?;
        KernelRule::ArrayElement.unless(array.element().is_void())?;
        KernelRule::ArrayIndex.unless(array.index().is_void())
    }

    fn composite(&self, composite: Composite<'_>) -> Result<(), Broken> {
        self.named_or_not()?;
        let mut last = 0;
        for (index, (raw, member)) in
            composite.raw_members().iter().zip(composite.members()).enumerate()
        {
            let name = raw.name_off.get();
            KernelRule::MemberName.unless_element(index, name != 0 && !self.is_valid(name))?;
            KernelRule::MemberType.unless_element(index, member.type_id().is_void())?;
            let offset = member.bit_offset();
            let is_wrong = offset < last || (composite.is_union() && offset != 0);
            KernelRule::MemberOrder.unless_element(index, is_wrong)?;
            let is_outside = bytes(u64::from(offset)) > u64::from(composite.size());
            KernelRule::MemberEnd.unless_element(index, is_outside)?;
            last = offset;
        }
        Ok(())
    }

    fn enumeration(&self, values: Enum<'_>) -> Result<(), Broken> {
        KernelRule::EnumSize.unless(!matches!(values.size(), 1 | 2 | 4 | 8))?;
        self.named_or_not()?;
        let mut index = 0_usize;
        let mut bad = None;
        values.each_name(&mut |name| {
            if !self.is_valid(name) {
                bad = bad.or(Some(index));
            }
            index = index.saturating_add(1);
        });
        match bad {
            Some(index) => Err(KernelRule::EnumeratorName.element(index)),
            None => Ok(()),
        }
    }

    fn section(&self, section: Datasec<'_>) -> Result<(), Broken> {
        let size = u64::from(section.size());
        KernelRule::SectionSize.unless(size == 0)?;
        self.no_flag()?;
        KernelRule::Name.unless(self.name == 0 || !is_section(self.text(self.name)))?;
        let mut end = 0;
        for (index, entry) in section.entries().enumerate() {
            let (offset, len) = (u64::from(entry.offset()), u64::from(entry.size()));
            KernelRule::SectionEntry.unless_element(index, entry.type_id().is_void())?;
            KernelRule::SectionOffset.unless_element(index, offset < end || offset >= size)?;
            KernelRule::SectionEntrySize.unless_element(index, len == 0 || len > size)?;
            end = offset.saturating_add(len);
            KernelRule::SectionOffset.unless_element(index, end > size)?;
        }
        Ok(())
    }
}

/// A typedef or a modifier: what the kernel follows to the type that has a size.
pub(super) const fn is_modifier(kind: Kind) -> bool {
    kind.is_modifier() || matches!(kind, Kind::Typedef)
}
