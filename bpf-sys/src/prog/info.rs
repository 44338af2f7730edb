//! What the kernel tells about a loaded program: `BPF_OBJ_GET_INFO_BY_FD`, Linux 4.13.

#![expect(unsafe_code, reason = "hands buffers to the kernel through a structure")]

use std::os::fd::AsFd;

use crate::abi::raw::ProgInfo;
use crate::abi::{BtfId, MapId};
use crate::errno::SysError;
use crate::fd::ProgFd;
use crate::object::{expect_kind, fill_info};
use crate::syscall::address_mut;

/// Information of fixed size, and how long each list is. Addresses are zero.
#[doc(alias = "BPF_OBJ_GET_INFO_BY_FD")]
pub fn info(program: ProgFd<'_>) -> Result<ProgInfo, SysError> {
    expect_kind(program.as_fd(), "bpf-prog")?;
    let mut info = ProgInfo::default();
    // SAFETY: all zero, so whatever kind of object it is, the kernel finds no address and no length.
    unsafe { fill_info(program.as_fd(), &mut info) }?;
    Ok(info)
}

/// The program's BTF, when it was loaded with one.
pub fn btf_id(program: ProgFd<'_>) -> Result<Option<BtfId>, SysError> {
    let id = info(program)?.btf_id;
    Ok((id != 0).then_some(BtfId(id)))
}

/// Asks for the length of a list, then for the list itself.
///
/// `len` gives the number of elements that the kernel has; `request` puts the address and the number of elements into an empty structure.
fn list<T: Clone + Default + zerocopy::FromBytes>(
    program: ProgFd<'_>,
    len: impl Fn(&ProgInfo) -> u32,
    request: impl Fn(&mut ProgInfo, u64, u32, &ProgInfo),
) -> Result<Vec<T>, SysError> {
    let first = info(program)?;
    let count = len(&first);
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut buffer = vec![T::default(); usize::try_from(count).unwrap_or(0)];
    let mut second = ProgInfo::default();
    request(&mut second, address_mut(&mut buffer), count, &first);
    // SAFETY: `info` made sure that it is a program. `request`, of which there is one per list below, sets one address, and the number of
    // elements at it, which is the length of `buffer`; the kernel writes at most that many (kernel: `bpf_prog_get_info_by_fd` takes the
    // smaller of the two numbers), and any bytes are a valid `T`. All other addresses are zero.
    unsafe { fill_info(program.as_fd(), &mut second) }?;
    buffer.truncate(usize::try_from(len(&second)).unwrap_or(0));
    Ok(buffer)
}

/// The maps that the program uses (4.15).
pub fn map_ids(program: ProgFd<'_>) -> Result<Vec<MapId>, SysError> {
    let ids = list::<u32>(
        program,
        |info| info.nr_map_ids,
        |info, address, count, _| {
            info.map_ids = address;
            info.nr_map_ids = count;
        },
    )?;
    Ok(ids.into_iter().map(MapId).collect())
}

/// The instructions after the verifier, 8 bytes per slot. Empty without `CAP_PERFMON` or `CAP_SYS_ADMIN`.
pub fn xlated(program: ProgFd<'_>) -> Result<Vec<u8>, SysError> {
    list(
        program,
        |info| info.xlated_prog_len,
        |info, address, count, _| {
            info.xlated_prog_insns = address;
            info.xlated_prog_len = count;
        },
    )
}

/// The machine code of all functions, one after the other. Empty when interpreted or without the rights.
pub fn jited(program: ProgFd<'_>) -> Result<Vec<u8>, SysError> {
    list(
        program,
        |info| info.jited_prog_len,
        |info, address, count, _| {
            info.jited_prog_insns = address;
            info.jited_prog_len = count;
        },
    )
}

/// The addresses of the functions in the kernel (4.18); zeros when addresses are hidden.
pub fn jited_symbols(program: ProgFd<'_>) -> Result<Vec<u64>, SysError> {
    list(
        program,
        |info| info.nr_jited_ksyms,
        |info, address, count, _| {
            info.jited_ksyms = address;
            info.nr_jited_ksyms = count;
        },
    )
}

/// The lengths of the functions' machine code (4.18).
pub fn jited_function_lengths(program: ProgFd<'_>) -> Result<Vec<u32>, SysError> {
    list(
        program,
        |info| info.nr_jited_func_lens,
        |info, address, count, _| {
            info.jited_func_lens = address;
            info.nr_jited_func_lens = count;
        },
    )
}

/// The tags of the functions (5.0).
pub fn tags(program: ProgFd<'_>) -> Result<Vec<[u8; 8]>, SysError> {
    list(
        program,
        |info| info.nr_prog_tags,
        |info, address, count, _| {
            info.prog_tags = address;
            info.nr_prog_tags = count;
        },
    )
}

/// Records of one size.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Records {
    /// The records, one after the other.
    pub bytes: Vec<u8>,
    /// Bytes of a record.
    pub size: u32,
}

impl Records {
    /// One record after the other.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let size = usize::try_from(self.size).unwrap_or(1).max(1);
        self.bytes.chunks_exact(size)
    }
}

/// The function records, whose instruction offsets count slots after the verifier (5.0).
pub fn func_info(program: ProgFd<'_>) -> Result<Records, SysError> {
    let size = info(program)?.func_info_rec_size;
    let bytes = list(
        program,
        |info| info.nr_func_info.saturating_mul(info.func_info_rec_size),
        |info, address, _, first| {
            info.func_info = address;
            info.nr_func_info = first.nr_func_info;
            info.func_info_rec_size = first.func_info_rec_size;
        },
    )?;
    Ok(Records { bytes, size })
}

/// The line records, whose instruction offsets count slots after the verifier (5.0).
pub fn line_info(program: ProgFd<'_>) -> Result<Records, SysError> {
    let size = info(program)?.line_info_rec_size;
    let bytes = list(
        program,
        |info| info.nr_line_info.saturating_mul(info.line_info_rec_size),
        |info, address, _, first| {
            info.line_info = address;
            info.nr_line_info = first.nr_line_info;
            info.line_info_rec_size = first.line_info_rec_size;
        },
    )?;
    Ok(Records { bytes, size })
}
