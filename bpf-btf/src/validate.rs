//! Blobs that are believed when they are opened, and validating them later.

use alloc::boxed::Box;

use crate::parse::Scan;
use crate::{Btf, BtfBytes, Error};

/// What is believed of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nothing: it is validated before anyone asks it.
    None,
    /// That its names, ids and prototypes exist.
    Whole,
}

impl Btf {
    /// Opens a blob that somebody vouches for without looking into its types: the kernel's own BTF, which the kernel
    /// validates itself (`btf_parse_vmlinux`) and goes by. That takes half the time of [`parse`](Self::parse) or less.
    /// For bytes that come from anywhere else, `parse` is right.
    ///
    /// Checked is what lookups need to stay where they belong: the header, that the strings end, that each record lies in
    /// its section and is of a known kind; the errors are those of `parse`. Put off is what the records say: that names
    /// are strings of the blob and UTF-8, that ids are those of types, that functions have prototypes.
    /// [`validate`](Self::validate) makes up for it.
    ///
    /// # If the blob is wrong
    ///
    /// Then some answers are wrong, or missing, and no more: whatever the bytes are, no method panics, reads elsewhere, goes
    /// on for ever, or allocates more than for a valid blob of the length.
    ///
    /// - A name that does not exist or is not UTF-8 reads as the empty one, as if the type or member were anonymous, and
    ///   nothing is found by it, neither by [`find`](Self::find) nor by [relocations](crate::core).
    /// - For an id that does not exist [`get`](Self::get) is `None`, sizes are [`Error::NoSuchType`],
    ///   [`display_name`](Self::display_name) writes `?`, and a relocation that comes upon it does not match.
    /// - What [`Func::prototype`](crate::Func::prototype) names may be of any kind.
    ///
    /// Whatever makes other blobs or text of the types validates them first and gives the error: [`dedup`](crate::dedup),
    /// [`permute`](crate::permute), [`Minimizer::finish`](crate::Minimizer::finish), [`distill`](crate::distill),
    /// [`relocate_base`](crate::relocate_base), [`sanitize`](crate::sanitize), [`BtfBuilder`](crate::BtfBuilder),
    /// [`c_header`](crate::c_header), [`CPrinter`](crate::CPrinter), [`parse_split`](Self::parse_split) on such a base;
    /// [`check_kernel_rules`](Self::check_kernel_rules) does too.
    ///
    /// ```
    /// use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, Kind};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let mut builder = BtfBuilder::new();
    /// # builder.add(&Definition::Float { name: "double", size: 8 })?;
    /// # let mapped = builder.write(ByteOrder::NATIVE)?;
    /// // `mapped` is the running kernel's `/sys/kernel/btf/vmlinux`.
    /// let kernel = Btf::parse_trusted(mapped)?;
    /// assert!(kernel.find("double", Kind::Float).is_some());
    /// assert_eq!(kernel.validate(), Ok(()), "a kernel's BTF is valid");
    /// # Ok(()) }
    /// ```
    pub fn parse_trusted(bytes: impl Into<BtfBytes>) -> Result<Self, Error> {
        Self::read(bytes.into(), None, Trust::Whole)
    }

    /// The same for a split blob, such as the BTF of a module that the kernel has loaded and so validated
    /// (`btf_parse_module`). `base` may have been opened either way.
    pub fn parse_split_trusted(bytes: impl Into<BtfBytes>, base: &Self) -> Result<Self, Error> {
        Self::read(bytes.into(), Some(base.clone()), Trust::Whole)
    }

    /// Makes the checks that [`parse_trusted`](Self::parse_trusted) put off, those of its bases first. They are made once:
    /// the outcome is remembered, also by clones. What [`parse`](Self::parse) gave is valid without another look.
    ///
    /// The error is that which `parse` would have given.
    pub fn validate(&self) -> Result<(), Error> {
        // The bases first, since functions may have prototypes of theirs. One that was validated stands for its own bases.
        let open = core::iter::successors(Some(self), |btf| btf.base())
            .take_while(|btf| btf.deferred().is_some())
            .count();
        (0..open).rev().try_for_each(|depth| {
            let level = core::iter::successors(Some(self), |btf| btf.base()).nth(depth);
            level.map_or(Ok(()), Self::validate_own)
        })
    }

    fn validate_own(&self) -> Result<(), Error> {
        let Some(outcome) = self.deferred() else { return Ok(()) };
        let check = || {
            Scan::new(self.bytes(), self.header(), self.base()).run()?;
            self.check_names()
        };
        outcome.get_or_init(|| Box::new(check())).clone()
    }

    /// Whether all names are UTF-8, so that views can hand out `&str`, and in proportion to the strings.
    pub(crate) fn check_names(&self) -> Result<(), Error> {
        let levels = || core::iter::successors(Some(self), |btf| btf.base());
        // Any slice of ASCII is UTF-8. Otherwise every name has to be looked at, as where one may be long.
        let ascii = levels().all(|level| is_ascii(level.own_strings()));
        let short = !levels().any(|level| may_be_long(level.own_strings()));
        if ascii && short {
            return Ok(());
        }
        let most = self.most_text();
        let mut left = most;
        for (id, found) in self.types() {
            let mut wrong = None;
            crate::walk::for_each_name(found, &mut |offset| {
                if wrong.is_some() || offset == 0 {
                    return;
                }
                let name = self.string_bytes(offset).unwrap_or_default();
                let room = left.checked_sub(name.len());
                left = room.unwrap_or_default();
                if room.is_none() && !short {
                    wrong = Some(Error::Names { id, most });
                } else if !ascii && core::str::from_utf8(name).is_err() {
                    wrong = Some(Error::NameEncoding { id, offset });
                }
            });
            if let Some(error) = wrong {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Bytes that texts of the blob may have when each is taken by itself, although they may share bytes in the strings.
    pub(crate) fn most_text(&self) -> usize {
        let levels = core::iter::successors(Some(self), |btf| btf.base());
        let strings = levels.fold(0_usize, |all, btf| all.saturating_add(btf.own_strings().len()));
        strings.saturating_mul(16).saturating_add(1 << 20)
    }
}

/// Whether a string of 1023 bytes or more is there, which has one of these pieces for itself; none is if all have less than 512.
fn may_be_long(strings: &[u8]) -> bool {
    strings.chunks_exact(512).any(|piece| !piece.contains(&0))
}

/// Whether all bytes are ASCII. They nearly always are, so that it is quicker not to stop at the first that is not.
fn is_ascii(bytes: &[u8]) -> bool {
    bytes.iter().fold(0, |all, byte| all | byte) < 0x80
}
