//! Types in the BTF of kernel modules (ebpf-go: R18). A module whose BTF cannot be read may have nothing to do with what is looked for.

use bpf_btf::{Btf, TypeId};
use bpf_elf::prepare::KernelType;

use crate::error::Result;

/// A module and its BTF, which is read when it is first needed.
pub(crate) trait ModuleTypes {
    /// What is known of the kernel that the module is for.
    type Kernel;

    fn name(&self) -> &str;

    /// Split BTF on that of the kernel.
    fn btf(&self, vmlinux: &Self::Kernel) -> Result<&Btf>;
}

/// The first module that has a type, with its BTF. Modules that cannot be read are passed over; if no other has the type, the error is theirs: it
/// may be in one of them.
pub(crate) fn find<'m, M: ModuleTypes>(
    modules: &'m [M],
    vmlinux: &M::Kernel,
    wanted: &KernelType<'_>,
) -> Result<Option<(&'m M, &'m Btf, TypeId)>> {
    let mut unreadable = None;
    for module in modules.iter().filter(|module| wanted.may_be_in_module(module.name())) {
        match module.btf(vmlinux) {
            Ok(btf) => {
                if let Some(id) = wanted.find_in_module(btf) {
                    return Ok(Some((module, btf, id)));
                }
            }
            Err(error) => unreadable = unreadable.or(Some(error)),
        }
    }
    unreadable.map_or(Ok(None), Err)
}

/// Name and BTF of each module that can be read, for CO-RE.
pub(crate) fn readable<M: ModuleTypes>(modules: &[M], vmlinux: &M::Kernel) -> Vec<(String, Btf)> {
    let readable = |module: &M| Some((module.name().to_owned(), module.btf(vmlinux).ok()?.clone()));
    modules.iter().filter_map(readable).collect()
}

#[cfg(test)]
mod tests {
    use bpf_btf::{BtfBuilder, ByteOrder, Definition, FuncLinkage};

    use super::*;
    use crate::error::{Error, ErrorKind};

    /// `None` for BTF that cannot be read.
    struct Fake(&'static str, Option<Btf>);

    impl ModuleTypes for Fake {
        type Kernel = Btf;

        fn name(&self) -> &str {
            self.0
        }

        fn btf(&self, _: &Btf) -> Result<&Btf> {
            let unreadable = || Error::new(ErrorKind::InvalidSpec, format!("read `{}`", self.0));
            self.1.as_ref().ok_or_else(unreadable)
        }
    }

    fn functions(mut builder: BtfBuilder, names: &[&str]) -> Vec<u8> {
        let int = Definition::Int { name: "int", size: 4, signed: true, char: false, bool: false };
        let int = builder.add(&int).unwrap();
        let prototype = Definition::FuncProto { return_type: int, params: &[] };
        let prototype = builder.add(&prototype).unwrap();
        for name in names {
            let linkage = FuncLinkage::Static;
            builder.add(&Definition::Func { name, prototype, linkage }).unwrap();
        }
        builder.write(ByteOrder::NATIVE).unwrap()
    }

    /// The module that has it, if one has; or the module that cannot be read.
    type Found = Result<Option<&'static str>, &'static str>;

    #[test]
    fn a_module_that_cannot_be_read_stands_in_nobodys_way() {
        let vmlinux = Btf::parse(functions(BtfBuilder::new(), &["in_kernel"])).unwrap();
        let module = |names: &[&str]| {
            Btf::parse_split(functions(BtfBuilder::split(&vmlinux), names), &vmlinux).unwrap()
        };
        let modules = [
            Fake("broken", None),
            Fake("first", Some(module(&["one", "both"]))),
            Fake("second", Some(module(&["two", "both"]))),
        ];
        let rows: [(&str, Found); 8] = [
            ("one", Ok(Some("first"))),
            ("two", Ok(Some("second"))),
            ("both", Ok(Some("first"))),
            ("second:both", Ok(Some("second"))),
            ("second:one", Ok(None)),
            // It may be in there.
            ("three", Err("broken")),
            ("broken:one", Err("broken")),
            ("missing:one", Ok(None)),
        ];
        for (target, expected) in rows {
            let wanted = KernelType::attach_target(None, target);
            match (find(&modules, &vmlinux, &wanted), expected) {
                (Ok(found), Ok(expected)) => {
                    assert_eq!(found.map(|(module, ..)| module.0), expected, "{target}");
                }
                (Err(error), Err(module)) => assert!(error.to_string().contains(module)),
                (found, expected) => {
                    panic!("{target}: {:?}, not {expected:?}", found.map(|_| ()))
                }
            }
        }
        let found = readable(&modules, &vmlinux);
        assert_eq!(
            found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["first", "second"]
        );
        // Without the folder of BTF there are no modules.
        assert!(readable::<Fake>(&[], &vmlinux).is_empty());
        let wanted = KernelType::attach_target(None, "one");
        assert!(find::<Fake>(&[], &vmlinux, &wanted).unwrap().is_none());
    }
}
