//! What is known of the running kernel, found out when it is first needed and kept.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bpf_btf::{Btf, BtfBytes, BtfFeatures, TypeId};
use bpf_elf::prepare::KernelType;
use bpf_sys::abi::{KernelVersion, MapType, ProgramType};
use bpf_sys::feature::{Feature, Probes};
use bpf_sys::{BtfFd, Errno, OwnedBtfFd, SysError};
use once_cell::sync::OnceCell;

use crate::error::{Error, ErrorKind, Result};
use crate::modules::{self, ModuleTypes};

/// What is known of the running kernel: its version, its BTF, what it supports.
///
/// A cheap clone of a shared value: hand the same one to several loads, and the kernel's BTF is mapped and searched once.
/// Nothing is read before it is needed, and there is no hidden global: when the last clone is dropped, all is freed.
///
/// ```
/// use bpf_core::{Context, LoadOptions};
/// let context = Context::new();
/// let options = LoadOptions::new().with_context(&context);
/// ```
#[derive(Clone, Default)]
pub struct Context(Arc<Inner>);

#[derive(Default)]
struct Inner {
    source: Source,
    version: OnceCell<KernelVersion>,
    vmlinux: OnceCell<Vmlinux>,
    modules: OnceCell<Vec<Module>>,
    probes: Probes,
}

/// The kernel's BTF.
struct Vmlinux {
    btf: Btf,
    /// Whether the running kernel gave it, which goes by it itself.
    is_own: bool,
}

/// A kernel module with BTF.
struct Module {
    name: String,
    fd: OwnedBtfFd,
    btf: OnceCell<Btf>,
}

impl Module {
    fn parse(&self, vmlinux: &Vmlinux) -> Result<Btf> {
        let action = || format!("read the BTF of the kernel module `{}`", self.name);
        let bytes = bpf_sys::btf::bytes(self.fd.as_borrowed())
            .map_err(|source| Error::system(action(), source))?;
        // The kernel gives these bytes too, and validated them when it loaded the module; on another base they may be nonsense.
        let parsed = if vmlinux.is_own {
            Btf::parse_split_trusted(bytes, &vmlinux.btf)
        } else {
            Btf::parse_split(bytes, &vmlinux.btf)
        };
        parsed.map_err(|source| Error::new(ErrorKind::InvalidSpec, action()).with_source(source))
    }
}

impl ModuleTypes for Module {
    type Kernel = Vmlinux;

    fn name(&self) -> &str {
        &self.name
    }

    fn btf(&self, vmlinux: &Vmlinux) -> Result<&Btf> {
        self.btf.get_or_try_init(|| self.parse(vmlinux))
    }
}

/// A type of the kernel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    pub(crate) btf: &'a Btf,
    pub(crate) id: TypeId,
    /// The module whose BTF has it; `None` for the kernel itself.
    pub(crate) module: Option<BtfFd<'a>>,
}

fn list_modules() -> Result<Vec<Module>, SysError> {
    let mut modules = Vec::new();
    let mut last = None;
    loop {
        let next = match bpf_sys::object::next_btf(last) {
            Ok(Some(next)) => next,
            // Without the right to list, and before 5.4, there are none.
            Ok(None) => return Ok(modules),
            Err(error) if matches!(error.errno, Errno::EPERM | Errno::EINVAL) => {
                return Ok(modules);
            }
            Err(error) => return Err(error),
        };
        last = Some(next);
        let fd = match bpf_sys::object::btf_by_id(next) {
            Ok(fd) => fd,
            // Gone meanwhile.
            Err(error) if error.errno == Errno::ENOENT => continue,
            Err(error) => return Err(error),
        };
        let info = bpf_sys::btf::info(fd.as_borrowed())?;
        if info.is_kernel && info.name != "vmlinux" {
            modules.push(Module { name: info.name, fd, btf: OnceCell::new() });
        }
    }
}

/// Where the kernel's BTF comes from.
#[derive(Default)]
enum Source {
    #[default]
    Kernel,
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl Context {
    /// A context that knows nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A context whose kernel BTF, for CO-RE, comes from a file: for kernels that do not show their own. The file is BTF as it is, or an
    /// ELF file with a section `.BTF`, such as a `vmlinux`.
    ///
    /// The ids of the types that programs attach to must be those of the running kernel, so the file must describe exactly it. The BTF of
    /// modules is not searched (libbpf: `btf_custom_path`) unless
    /// [`LoadOptions::module_search`](crate::LoadOptions::module_search) says so.
    pub fn with_kernel_btf_file(path: impl Into<PathBuf>) -> Self {
        Self(Arc::new(Inner { source: Source::File(path.into()), ..Inner::default() }))
    }

    /// As [`with_kernel_btf_file`](Self::with_kernel_btf_file), with the contents of such a file.
    pub fn with_kernel_btf(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Arc::new(Inner { source: Source::Bytes(bytes.into()), ..Inner::default() }))
    }

    /// The version of the running kernel, as `LINUX_KERNEL_VERSION` counts it.
    pub fn kernel_version(&self) -> Result<KernelVersion> {
        self.0
            .version
            .get_or_try_init(bpf_sys::kernel::version)
            .copied()
            .map_err(|source| Error::system("read the version of the kernel", source))
    }

    /// `NotSupported`, when a probe says that the running kernel lacks `feature`.
    ///
    /// For wording errors and fallbacks after a failure; never a reason not to try.
    pub(crate) fn lacks(&self, feature: &Feature) -> Option<ErrorKind> {
        let unsupported =
            ErrorKind::NotSupported { feature: feature.name(), since: Some(feature.since()) };
        self.0.probes.ask(feature).is_unsupported().then_some(unsupported)
    }

    /// `NotSupported`, when this kernel does not have maps of this type.
    pub(crate) fn lacks_map_type(&self, map_type: MapType) -> Option<ErrorKind> {
        let since = map_type.first_kernel();
        let unsupported = ErrorKind::NotSupported { feature: map_type.name()?, since };
        self.0.probes.map_type(map_type).is_unsupported().then_some(unsupported)
    }

    /// `NotSupported`, when this kernel does not have programs of this type.
    pub(crate) fn lacks_program_type(&self, program_type: ProgramType) -> Option<ErrorKind> {
        let since = program_type.first_kernel();
        let unsupported = ErrorKind::NotSupported { feature: program_type.name()?, since };
        self.0.probes.program_type(program_type).is_unsupported().then_some(unsupported)
    }

    /// What the running kernel understands of BTF.
    pub(crate) fn btf_features(&self) -> BtfFeatures {
        let has = |feature| !self.0.probes.ask(feature).is_unsupported();
        let mut features = BtfFeatures::NONE;
        features.func = has(&Feature::BTF_FUNC);
        features.global_func = has(&Feature::BTF_GLOBAL_FUNC);
        features.datasec = has(&Feature::BTF_DATASEC);
        features.qmark_datasec = has(&Feature::BTF_QMARK_DATASEC);
        features.float = has(&Feature::BTF_FLOAT);
        features.decl_tag = has(&Feature::BTF_DECL_TAG);
        features.type_tag = has(&Feature::BTF_TYPE_TAG);
        features.enum64 = has(&Feature::BTF_ENUM64);
        features.layout = has(&Feature::BTF_LAYOUT);
        features
    }

    /// Whether programs can have a cookie.
    pub(crate) fn has_cookies(&self) -> bool {
        self.0.probes.ask(&Feature::BPF_COOKIE).is_supported()
    }

    /// Whether the kernel's functions for system calls have the prefix of an architecture.
    pub(crate) fn has_syscall_wrappers(&self) -> bool {
        self.0.probes.ask(&Feature::SYSCALL_WRAPPER).is_supported()
    }

    /// A type that a program names: in the kernel's BTF, else in that of the modules, in the order in which they were loaded.
    pub(crate) fn find_type(&self, wanted: &KernelType<'_>) -> Result<Option<Found<'_>>> {
        let vmlinux = self.kernel()?;
        if let Some(id) = wanted.find_in_kernel(&vmlinux.btf) {
            return Ok(Some(Found { btf: &vmlinux.btf, id, module: None }));
        }
        if wanted.module == Some("vmlinux") {
            return Ok(None);
        }
        let found = modules::find(self.modules()?, vmlinux, wanted)?;
        let found = found.map(|(module, btf, id)| {
            let module = Some(module.fd.as_borrowed());
            Found { btf, id, module }
        });
        Ok(found)
    }

    /// Whether the kernel's BTF is that which the running kernel shows, so that its modules refer to it.
    pub(crate) fn has_own_btf(&self) -> bool {
        matches!(self.0.source, Source::Kernel)
    }

    /// Name and BTF of each module, for CO-RE. A module whose BTF cannot be read is left out: it may have nothing to do with the program.
    pub(crate) fn module_btfs(&self) -> Result<Vec<(String, Btf)>> {
        Ok(modules::readable(self.modules()?, self.kernel()?))
    }

    /// The modules with BTF (Linux 5.11). None, for a process that may not list them.
    fn modules(&self) -> Result<&[Module]> {
        let modules = self.0.modules.get_or_try_init(list_modules);
        modules
            .map(Vec::as_slice)
            .map_err(|source| Error::system("list the BTF of kernel modules", source))
    }

    /// The kernel's BTF.
    pub(crate) fn vmlinux(&self) -> Result<&Btf> {
        self.kernel().map(|vmlinux| &vmlinux.btf)
    }

    fn kernel(&self) -> Result<&Vmlinux> {
        let given = |btf: Btf| Vmlinux { btf, is_own: false };
        self.0.vmlinux.get_or_try_init(|| match &self.0.source {
            Source::Kernel => own_btf(),
            Source::Bytes(bytes) => {
                let action = "read the BTF that was given for the kernel";
                parse_file(action, bytes.clone()).map(given)
            }
            Source::File(path) => {
                let action = format!("read BTF from {}", path.display());
                let bytes = std::fs::read(path).map_err(|source| Error::io(&*action, source))?;
                parse_file(&action, bytes).map(given)
            }
        })
    }
}

const BTF_HINT: &str =
    "the kernel needs CONFIG_DEBUG_INFO_BTF, or give a file with `Context::with_kernel_btf_file`";

/// The BTF of the running kernel. What comes from the kernel itself is taken as it is; what is mounted in its place is validated.
fn own_btf() -> Result<Vmlinux> {
    let action = "read the BTF of the kernel";
    let found = bpf_sys::memory::kernel_btf()
        .map_err(|source| Error::system(action, source).or_not_found().with_hint(BTF_HINT))?;
    let is_own = found.from_kernel;
    let btf = if is_own {
        Btf::parse_trusted(found.bytes)
            .map_err(|source| Error::new(ErrorKind::InvalidSpec, action).with_source(source))?
    } else {
        parse(action, found.bytes)?
    };
    Ok(Vmlinux { btf, is_own })
}

pub(crate) fn parse(action: &str, bytes: impl Into<BtfBytes>) -> Result<Btf> {
    Btf::parse(bytes)
        .map_err(|source| Error::new(ErrorKind::InvalidSpec, action).with_source(source))
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("version", &self.0.version.get())
            .field("has_kernel_btf", &self.0.vmlinux.get().is_some())
            .finish_non_exhaustive()
    }
}

/// BTF in any of the forms of files.
fn parse_file(action: &str, bytes: Vec<u8>) -> Result<Btf> {
    Btf::parse_file(bytes)
        .map_err(|source| Error::new(ErrorKind::InvalidSpec, action).with_source(source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_btf_that_is_none_is_refused_with_its_origin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no.btf");
        std::fs::write(&path, b"not BTF").unwrap();
        let rows = [
            (Context::with_kernel_btf(*b"not BTF"), ErrorKind::InvalidSpec, "BTF that was given"),
            (Context::with_kernel_btf_file(&path), ErrorKind::InvalidSpec, "no.btf"),
            (Context::with_kernel_btf_file("/no/such/file"), ErrorKind::NotFound, "/no/such/file"),
        ];
        for (context, kind, text) in rows {
            let error = context.vmlinux().unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn kernel_btf_that_is_given_is_validated_at_once() {
        // A pointer to a type that does not exist.
        let words = [0_u32, 12, 12, 1].map(u32::to_ne_bytes).concat();
        let header = [0xeb9f_u16.to_ne_bytes(), [1, 0]].concat();
        let pointer = [0_u32, 2 << 24, 7].map(u32::to_ne_bytes).concat();
        let blob = [header, 24_u32.to_ne_bytes().to_vec(), words, pointer, vec![0]].concat();
        assert!(Btf::parse_trusted(blob.clone()).is_ok());
        let error = Context::with_kernel_btf(blob).vmlinux().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSpec);
    }

    #[test]
    fn the_running_kernels_own_btf_is_valid() {
        let context = Context::new();
        match (std::fs::read("/sys/kernel/btf/vmlinux"), context.vmlinux()) {
            (Ok(read), own) => {
                let own = own.unwrap();
                assert_eq!((own.validate(), own), (Ok(()), &Btf::parse(read).unwrap()));
            }
            (Err(_), own) => assert!(own.is_err(), "there is none to read"),
        }
    }

    #[test]
    fn kernel_btf_may_be_in_an_elf_file() {
        // Any file with types will do.
        let object = testdata::object("data", testdata::Order::NATIVE);
        let context = Context::with_kernel_btf(object);
        assert!(context.vmlinux().unwrap().find(".data", bpf_btf::Kind::Datasec).is_some());
    }

    #[test]
    fn a_clone_shares_what_is_known() {
        let context = Context::new();
        let version = context.clone().kernel_version().unwrap();
        assert_eq!(context.0.version.get(), Some(&version));
    }
}
