//! What the instructions of a program name: maps of the collection, functions and variables of the kernel.

use std::collections::HashMap;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use bpf_elf::prepare::{KernelAnswers, KernelSymbol, KernelType, extern_fits};
use bpf_elf::spec::{CollectionSpec, ExternKind, ExternSpec, SpecMap};
use once_cell::unsync::OnceCell;

use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::map::Map;

/// Addresses of kernel symbols, read at most once for a collection.
pub(super) type Addresses = OnceCell<HashMap<String, u64>>;

/// The symbols of one program.
pub(super) struct Symbols<'a> {
    pub(super) spec: &'a CollectionSpec,
    pub(super) program: &'a str,
    pub(super) maps: &'a SpecMap<Map>,
    pub(super) context: &'a Context,
    pub(super) addresses: &'a Addresses,
    /// BTF of the modules whose functions are called; the index 0 stands for the kernel itself.
    pub(super) fd_array: Vec<BorrowedFd<'a>>,
}

impl<'a> Symbols<'a> {
    fn action(&self) -> String {
        format!("load program `{}`", self.program)
    }

    fn external(&self, name: &str) -> Result<&'a ExternSpec> {
        let spec: &'a CollectionSpec = self.spec;
        spec.externs.get(name).ok_or_else(|| self.missing("symbol", name))
    }

    fn missing(&self, what: &str, name: &str) -> Error {
        Error::new(ErrorKind::NotFound, self.action())
            .with_reason(format!("this kernel has no {what} `{name}`"))
    }

    /// The type that an extern stands for (libbpf: E36, E37).
    fn find(
        &mut self,
        external: &ExternSpec,
        wanted: &KernelType<'_>,
        weak: bool,
    ) -> Result<KernelSymbol> {
        let context: &'a Context = self.context;
        let what = if external.kind == ExternKind::Kfunc { "function" } else { "variable" };
        let found = match context.find_type(wanted)? {
            Some(found) if extern_fits(self.spec, external, found.btf, found.id) => found,
            None if weak => return Ok(KernelSymbol::Missing),
            Some(_) if weak && external.kind == ExternKind::Kfunc => {
                return Ok(KernelSymbol::Missing);
            }
            None => return Err(self.missing(what, &wanted.name)),
            Some(_) => {
                return Err(Error::new(ErrorKind::InvalidSpec, self.action()).with_reason(
                    format!(
                        "it declares the {what} `{}` of the kernel with another type than that has",
                        external.name
                    ),
                ));
            }
        };
        let id = found.id.get();
        Ok(match found.module {
            None => KernelSymbol::Btf { id, fd: 0, index: 0 },
            Some(fd) => KernelSymbol::Btf { id, fd: fd.as_raw_fd(), index: self.index(fd.into())? },
        })
    }

    /// The place of a module's BTF in the array of descriptors.
    fn index(&mut self, fd: BorrowedFd<'a>) -> Result<i16> {
        if self.fd_array.is_empty() {
            // The kernel never looks at index 0, which stands for itself.
            self.fd_array.push(fd);
        }
        let known =
            self.fd_array.iter().skip(1).position(|known| known.as_raw_fd() == fd.as_raw_fd());
        let index = if let Some(index) = known {
            index.saturating_add(1)
        } else {
            self.fd_array.push(fd);
            self.fd_array.len().saturating_sub(1)
        };
        i16::try_from(index).map_err(|_| {
            Error::new(ErrorKind::InvalidSpec, self.action())
                .with_reason("it calls functions of too many modules")
        })
    }

    fn address(&self, name: &str, weak: bool) -> Result<KernelSymbol> {
        let addresses = self.addresses.get_or_try_init(|| {
            let wanted = self.spec.externs.names().collect();
            crate::kallsyms::read(&wanted).map_err(|source| {
                Error::io("read the addresses of kernel symbols from /proc/kallsyms", source)
            })
        })?;
        match addresses.get(name) {
            Some(0) => Err(Error::new(ErrorKind::NotPermitted, self.action())
                .with_reason(format!(
                    "the address of the kernel symbol `{name}` is hidden from this process"
                ))
                .with_hint("needs CAP_SYSLOG, and kernel.kptr_restrict below 2")),
            Some(&address) => Ok(KernelSymbol::Address(address)),
            None if weak => Ok(KernelSymbol::Missing),
            None => Err(self.missing("symbol", name)),
        }
    }
}

impl KernelAnswers for Symbols<'_> {
    type Error = Error;

    fn map(&mut self, name: &str) -> Result<Option<i32>> {
        if let Some(map) = self.maps.get(name) {
            return Ok(Some(map.as_fd().as_raw_fd()));
        }
        if self.spec.maps.contains(name) {
            return Ok(None);
        }
        Err(Error::new(ErrorKind::InvalidSpec, self.action()).with_reason(format!(
            "it refers to a map `{name}`, which the collection does not have"
        )))
    }

    fn kfunc(&mut self, name: &str, weak: bool) -> Result<KernelSymbol> {
        let external = self.external(name)?;
        match KernelType::of_extern(external) {
            Some(wanted) => self.find(external, &wanted, weak),
            None => Err(self.missing("function", name)),
        }
    }

    fn ksym(&mut self, name: &str, weak: bool) -> Result<KernelSymbol> {
        let external = self.external(name)?;
        match KernelType::of_extern(external) {
            Some(wanted) => self.find(external, &wanted, weak),
            None => self.address(name, weak),
        }
    }

    fn broken(&self, slot: usize) -> Error {
        Error::new(ErrorKind::InvalidSpec, self.action())
            .with_reason(format!("what instruction {slot} refers to cannot be loaded yet"))
    }
}
