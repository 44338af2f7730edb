//! The rules of the kernel's own validator.

mod blob;
mod member;
mod name;
mod record;
mod resolve;
mod rule;
mod tag;

use crate::{Btf, TypeId};

pub use rule::{KernelRule, RuleViolation};

/// Most bytes of a blob (kernel: `BTF_MAX_SIZE`).
const MAX_BLOB: usize = 16 << 20;

/// Largest id (kernel: `BTF_MAX_TYPE`).
const MAX_ID: u32 = 0x000f_ffff;

/// Length of the longest chain of references that is followed at once (kernel: `MAX_RESOLVE_DEPTH`).
const MAX_DEPTH: usize = 32;

impl Btf {
    /// Whether the kernel would take the blob with `BPF_BTF_LOAD`; else the first rule that it breaks, and where.
    ///
    /// [`Btf::parse`] asks for what makes a blob readable, which is what libbpf asks for; the kernel asks for more: C's
    /// names, members within their structures, sections that are filled in, no type that contains itself. The rules are
    /// those of Linux 6.18 (`kernel/bpf/btf.c`) on a 64-bit machine, checked in its order: the blob, every record by itself,
    /// what records refer to, type tags. Newer kernels ask for less, which is allowed here too (the layout section and more than
    /// 65,535 members since 7.1), but for [`KernelRule::TagOrder`], which 7.3 no longer knows. An older kernel refuses what it
    /// does not know as well, for which [`sanitize`](crate::sanitize) is, and:
    ///
    /// - more than 65,535 members or values before 7.1,
    /// - attribute flags on tags before 6.15,
    /// - sections without variables before 5.12, pointers and modifiers of functions before 5.16,
    /// - characters other than letters, digits, `_` and `.` in names of sections before 6.11, names of more than 128 bytes before
    ///   6.1, points in names other than those of variables and sections before 6.4.
    ///
    /// Objects as compilers leave them break rules on purpose (sections of size 0, externs): ask after a loader has
    /// filled them in. A blob that was [believed](Btf::parse_trusted) is validated first. Not checked is what map values may hold (`bpf_spin_lock`, `kptr` and the like), which depends on
    /// the kernel's configuration. Types of a base count as checked.
    ///
    /// ```
    /// use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, KernelRule};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut builder = BtfBuilder::new();
    /// let id = builder.add(&Definition::Typedef { name: "Vec<u8>", target: bpf_btf::TypeId::VOID })?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// let violation = btf.check_kernel_rules().unwrap_err();
    /// assert_eq!((violation.id, violation.rule), (id, KernelRule::Name));
    /// # Ok(()) }
    /// ```
    pub fn check_kernel_rules(&self) -> Result<(), RuleViolation> {
        self.validate().map_err(|error| RuleViolation::of(&error))?;
        blob::check(self)?;
        for (id, found) in self.types() {
            record::check(self, found).map_err(|broken| broken.at(id))?;
        }
        resolve::check(self)?;
        tag::check(self)
    }
}

/// A broken rule whose type the caller knows.
#[derive(Clone, Copy, Debug)]
struct Broken {
    rule: KernelRule,
    element: Option<u32>,
}

impl Broken {
    fn at(self, id: TypeId) -> RuleViolation {
        RuleViolation { id, element: self.element, rule: self.rule }
    }
}

impl KernelRule {
    /// Broken by the type as such.
    fn whole(self) -> Broken {
        Broken { rule: self, element: None }
    }

    /// Broken by a member, value, parameter or entry.
    fn element(self, index: usize) -> Broken {
        Broken { rule: self, element: u32::try_from(index).ok() }
    }

    /// `Ok` if the rule is kept.
    fn unless(self, broken: bool) -> Result<(), Broken> {
        if broken { Err(self.whole()) } else { Ok(()) }
    }

    /// The same for a member, value, parameter or entry.
    fn unless_element(self, index: usize, broken: bool) -> Result<(), Broken> {
        if broken { Err(self.element(index)) } else { Ok(()) }
    }
}

/// Bits as whole bytes.
const fn bytes(bits: u64) -> u64 {
    bits.div_ceil(8)
}
