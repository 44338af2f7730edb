//! Functions of loaded programs, for programs that attach to them.

use bpf_btf::{Btf, Kind};
use bpf_sys::{AsProgFd, SysError};

use super::Program;
use crate::error::{Error, ErrorKind, Result};

/// The BTF id of a function of a loaded program, for programs that attach to it.
pub(crate) fn find_function(program: &Program, function: &str) -> Result<u32> {
    let action = || format!("find the function `{function}` of program `{}`", program.name());
    let failed = |source: SysError| Error::system(action(), source);
    let id = bpf_sys::prog::btf_id(program.as_prog_fd()).map_err(failed)?;
    let id = id.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, action()).with_reason("it was loaded without BTF")
    })?;
    let fd = bpf_sys::object::btf_by_id(id).map_err(failed)?;
    let bytes = bpf_sys::btf::bytes(fd.as_borrowed()).map_err(failed)?;
    let btf = Btf::parse(bytes)
        .map_err(|source| Error::new(ErrorKind::InvalidSpec, action()).with_source(source))?;
    match btf.find(function, Kind::Func) {
        Some(id) => Ok(id.get()),
        None => Err(Error::new(ErrorKind::NotFound, action())),
    }
}
