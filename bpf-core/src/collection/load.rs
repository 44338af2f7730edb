//! The order of loading: BTF, maps, their contents, programs, the slots that hold programs.

use std::collections::HashSet;
use std::path::PathBuf;

use bpf_elf::prepare::{CoreResolution, PoisonedAccess, PrepareOptions, prepare_program};
use bpf_elf::spec::{
    CollectionSpec, ExternKind, MapContents, MapSpec, Pinning, ProgramSpec, SpecMap,
};
use bpf_sys::abi::{MapType, ProgramType, UpdateFlags};
use bpf_sys::prog::AttachTarget;
use bpf_sys::{AsProgFd, OwnedBtfFd};

use super::btf;
use super::options::{LoadOptions, ProgramOptions};
use super::symbols::{Addresses, Symbols};
use crate::context::{Context, Found};
use crate::error::{Error, ErrorKind, Result};
use crate::kconfig::Config;
use crate::map::{self, Map};
use crate::program::{self, Program, Request};

/// The section of the map that holds kernel options.
const KCONFIG: &str = ".kconfig";

/// Loads everything, or nothing.
pub(super) fn load(
    spec: &CollectionSpec,
    options: &LoadOptions<'_>,
) -> Result<(SpecMap<Map>, SpecMap<Program>)> {
    let context = options.context.clone().unwrap_or_default();
    check(spec, options)?;
    let btf = btf::load(spec, &context)?;
    let core = resolve_core(spec, options, &context)?;
    let mut loader = Loader {
        btf,
        core,
        spec,
        options,
        context,
        maps: SpecMap::new(),
        addresses: Addresses::new(),
        given: HashSet::new(),
        pins: Pins::default(),
    };
    loader.create_maps()?;
    loader.fill_maps()?;
    let programs = loader.load_programs()?;
    loader.fill_program_arrays(&programs)?;
    loader.pins.keep();
    Ok((loader.maps, programs))
}

/// What can be refused before anything is done.
fn check(spec: &CollectionSpec, options: &LoadOptions<'_>) -> Result<()> {
    if !spec.byte_order.is_native() {
        return Err(Error::new(ErrorKind::InvalidSpec, "load the collection").with_reason(
            format!(
                "it is for a {:?}-endian machine, and this one is not: compile for the target `{}`",
                spec.byte_order,
                if cfg!(target_endian = "big") { "bpfeb" } else { "bpfel" },
            ),
        ));
    }
    for name in options.map_replacements.keys() {
        if !spec.maps.contains(name) {
            return Err(Error::new(ErrorKind::NotFound, format!("replace map `{name}`"))
                .with_reason("the collection has no such map"));
        }
    }
    for name in options.programs.keys() {
        if !spec.programs.contains(name) {
            return Err(Error::new(
                ErrorKind::NotFound,
                format!("apply the options of program `{name}`"),
            )
            .with_reason("the collection has no such program"));
        }
    }
    Ok(())
}

/// What the CO-RE relocations of the collection become on this kernel; `None` when no program to load has any, so that the
/// kernel's BTF is not even read.
fn resolve_core(
    spec: &CollectionSpec,
    options: &LoadOptions<'_>,
    context: &Context,
) -> Result<Option<CoreResolution>> {
    let mut loaded = spec.programs.iter().filter(|(name, program)| {
        options.programs.get(*name).and_then(|p| p.autoload).unwrap_or(program.autoload)
    });
    let none = spec.functions.values().all(|function| function.core_relocations.is_empty())
        && loaded.all(|(_, program)| program.function.core_relocations.is_empty());
    if none {
        return Ok(None);
    }
    CoreResolution::new(spec, context.vmlinux()?, || context.module_btfs()).map(Some)
}

/// Tells what an instruction wanted of the kernel that the verifier refused because the kernel lacks it.
fn explain_poison(error: Error, poisoned: &[PoisonedAccess]) -> Error {
    let at = error.verifier_log().and_then(|log| log.instruction()).map(|(slot, _)| slot);
    match poisoned.iter().find(|access| Some(access.slot) == at) {
        Some(access) => error.with_hint(format!(
            "this kernel lacks what the instruction accesses; ask first, as `bpf_core_field_exists` does. CO-RE: {}",
            access.story
        )),
        None => error,
    }
}

struct Loader<'a> {
    spec: &'a CollectionSpec,
    options: &'a LoadOptions<'a>,
    context: Context,
    btf: btf::Loaded,
    core: Option<CoreResolution>,
    maps: SpecMap<Map>,
    addresses: Addresses,
    /// Maps that existed before: pinned ones and replacements. They keep their contents.
    given: HashSet<String>,
    pins: Pins,
}

impl Loader<'_> {
    fn create_maps(&mut self) -> Result<()> {
        let spec = self.spec;
        for (name, map_spec) in &spec.maps {
            let map = if let Some(replacement) = self.options.map_replacements.get(name) {
                replacement.check_compatible(map_spec)?;
                self.given.insert(name.to_owned());
                replacement.try_clone()?
            } else if !map_spec.autocreate {
                continue;
            } else if map_spec.pinning == Pinning::ByName {
                self.open_or_pin(name, map_spec)?
            } else {
                self.create_map(map_spec)?
            };
            self.maps.insert(name, map.with_name(name));
        }
        Ok(())
    }

    fn create_map(&self, spec: &MapSpec) -> Result<Map> {
        self.try_create_map(spec).map_err(|error| self.btf.explain(error))
    }

    fn try_create_map(&self, spec: &MapSpec) -> Result<Map> {
        let create = |spec: &MapSpec, inner: Option<&Map>| {
            map::create(
                spec,
                &map::CreateOptions { btf: self.btf.fd(), inner, context: &self.context },
            )
        };
        // The kernel wants an example of the inner maps, and does not keep it.
        let inner = spec.inner.as_deref().map(|inner| create(inner, None)).transpose()?;
        create(spec, inner.as_ref())
    }

    /// The pinned map, when there is one and it fits; otherwise a new one, pinned.
    fn open_or_pin(&mut self, name: &str, spec: &MapSpec) -> Result<Map> {
        let path = self.options.pin_folder().join(name);
        // Twice, for another process that pins its own in between.
        for last in [false, true] {
            match Map::from_pin(&path) {
                Ok(map) => {
                    map.check_compatible(spec).map_err(|error| {
                        error.with_hint(format!("it is pinned at {}", path.display()))
                    })?;
                    self.given.insert(name.to_owned());
                    return Ok(map);
                }
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
            crate::pin::prepare_folder(self.options.pin_folder())?;
            let map = self.create_map(spec)?;
            match map.pin(&path) {
                Ok(()) => {
                    self.pins.0.push(path);
                    return Ok(map);
                }
                Err(error) if error.kind() == ErrorKind::Exists && !last => {}
                Err(error) => return Err(error),
            }
        }
        // The second round returns.
        Err(Error::new(ErrorKind::Exists, format!("pin map `{name}` at {}", path.display())))
    }

    fn fill_maps(&self) -> Result<()> {
        for (name, spec) in &self.spec.maps {
            let Some(map) = self.maps.get(name) else { continue };
            if self.given.contains(name) {
                continue;
            }
            match &spec.contents {
                MapContents::Bytes(bytes) => {
                    map.update(&0_u32.to_ne_bytes(), bytes, UpdateFlags::ANY)?;
                }
                MapContents::Entries(entries) if map::is_map_in_map(spec.map_type) => {
                    for entry in entries {
                        let inner = self.maps.get(&entry.name).ok_or_else(|| {
                            Error::new(ErrorKind::InvalidSpec, format!("fill map `{name}`"))
                                .with_reason(format!(
                                    "its slot {} names the map `{}`, which was not created",
                                    entry.key, entry.name
                                ))
                        })?;
                        map.set_map(&entry.key.to_ne_bytes(), inner)?;
                    }
                }
                _ if spec.section == KCONFIG => self.fill_kconfig(map)?,
                _ => {}
            }
            if spec.freeze {
                map.freeze()?;
            }
        }
        Ok(())
    }

    fn load_programs(&self) -> Result<SpecMap<Program>> {
        let mut programs = SpecMap::new();
        let none = ProgramOptions::default();
        for (name, spec) in &self.spec.programs {
            let options = self.options.programs.get(name).unwrap_or(&none);
            if options.autoload.unwrap_or(spec.autoload) {
                programs.insert(name, self.load_program(spec, options)?);
            }
        }
        Ok(programs)
    }

    fn load_program(&self, spec: &ProgramSpec, options: &ProgramOptions<'_>) -> Result<Program> {
        let action = || format!("load program `{}`", spec.name);
        let mut prepare = PrepareOptions::new();
        prepare.core = self.core.as_ref();
        let prepared = prepare_program(self.spec, &spec.name, &prepare).map_err(|source| {
            Error::new(ErrorKind::InvalidSpec, action())
                .with_reason(source.to_string())
                .with_source(source)
        })?;
        let mut symbols = Symbols {
            spec: self.spec,
            program: &spec.name,
            maps: &self.maps,
            context: &self.context,
            addresses: &self.addresses,
            fd_array: Vec::new(),
        };
        let mut slots = prepared.slots;
        program::apply(&mut slots, &prepared.fixups, &mut symbols)?;
        let fd_array = symbols.fd_array;
        let (attach_btf_id, attach_target) = self.attach_target(spec, options)?;
        let mut loaded = program::load(Request {
            spec,
            flags: spec.flags | options.flags,
            slots,
            license: &self.spec.license,
            kernel_version: self.kernel_version(spec)?,
            btf: self.btf.fd().map(OwnedBtfFd::as_borrowed),
            func_infos: &prepared.func_infos,
            line_infos: &prepared.line_infos,
            attach_btf_id,
            attach_target,
            fd_array,
            log_level: options.log_level.unwrap_or(self.options.log_level),
            context: &self.context,
        })
        .map_err(|error| explain_poison(self.btf.explain(error), &prepared.poisoned))?;
        if let Some(target) = &options.attach_to {
            loaded.set_attach_to(target);
        }
        Ok(loaded)
    }

    /// Kernels before 5.0 load a kprobe only for their own version (libbpf: `bpf_object__load_progs`, cilium: P6).
    fn kernel_version(&self, spec: &ProgramSpec) -> Result<u32> {
        /// In the section `version`: whatever kernel is running.
        const ANY: u32 = 0xffff_fffe;
        match self.spec.kernel_version {
            0 | ANY if spec.program_type == ProgramType::KPROBE => {
                Ok(self.context.kernel_version()?.code())
            }
            ANY => Ok(0),
            version => Ok(version),
        }
    }

    /// The BTF type that the program attaches to, for the types of program that name it when they are loaded.
    fn attach_target<'b>(
        &'b self,
        spec: &'b ProgramSpec,
        options: &'b ProgramOptions<'_>,
    ) -> Result<(u32, AttachTarget<'b>)> {
        let action = || format!("find what program `{}` attaches to", spec.name);
        let target = options.attach_to.as_deref().or(spec.attach_to.as_deref());
        if !spec.needs_btf_target {
            return Ok((0, AttachTarget::Kernel));
        }
        let Some(target) = target else {
            return Err(Error::new(ErrorKind::InvalidSpec, action())
                .with_reason(format!("its section name `{}` does not say", spec.section))
                .with_hint("name it with `ProgramOptions::with_attach_to`"));
        };
        if let Some(program) = options.attach_program {
            let id = program::find_function(program, target)?;
            return Ok((id, AttachTarget::Program(program.as_prog_fd())));
        }
        if spec.program_type == ProgramType::EXT {
            return Err(Error::new(ErrorKind::InvalidSpec, action())
                .with_reason("it replaces a function of another program")
                .with_hint("give that program with `ProgramOptions::with_attach_program`"));
        }
        let wanted =
            program::btf_target(spec.program_type, spec.attach_type.unwrap_or_default(), target);
        match self.context.find_type(wanted.module, &wanted.name, wanted.kind)? {
            Some(Found { id, module: None }) => Ok((id, AttachTarget::Kernel)),
            Some(Found { id, module: Some(module) }) => Ok((id, AttachTarget::Module(module))),
            None => Err(Error::new(ErrorKind::NotFound, action())
                .with_reason(format!("the kernel's BTF has no {} `{}`", wanted.kind, wanted.name))),
        }
    }

    /// Computes the values of the `.kconfig` map.
    fn fill_kconfig(&self, map: &Map) -> Result<()> {
        let mut value = vec![0; map.value_len()];
        let config = Config::read(&self.context, self.options.kconfig.as_deref())?;
        for spec in self.spec.externs.values().filter(|spec| spec.kind == ExternKind::Kconfig) {
            let failed = |reason: String| {
                Error::new(ErrorKind::NotFound, "find the value of a kernel option")
                    .with_reason(reason)
            };
            let bytes = config.value(spec).map_err(|error| failed(error.to_string()))?;
            let start = usize::try_from(spec.offset).unwrap_or(usize::MAX);
            let place = value.get_mut(start..).and_then(|rest| rest.get_mut(..bytes.len()));
            let place = place.ok_or_else(|| {
                failed(format!("`{}` lies beyond the end of the map `{}`", spec.name, map.name()))
            })?;
            place.copy_from_slice(&bytes);
        }
        map.update(&0_u32.to_ne_bytes(), &value, UpdateFlags::ANY)
    }

    fn fill_program_arrays(&self, programs: &SpecMap<Program>) -> Result<()> {
        for (name, spec) in &self.spec.maps {
            let (Some(map), MapContents::Entries(entries)) = (self.maps.get(name), &spec.contents)
            else {
                continue;
            };
            if spec.map_type != MapType::PROG_ARRAY {
                continue;
            }
            for entry in entries {
                let program = programs.get(&entry.name).ok_or_else(|| {
                    Error::new(ErrorKind::InvalidSpec, format!("fill map `{name}`")).with_reason(
                        format!(
                            "its slot {} names the program `{}`, which was not loaded",
                            entry.key, entry.name
                        ),
                    )
                })?;
                map.set_program(&entry.key.to_ne_bytes(), program)?;
            }
        }
        Ok(())
    }
}

/// Paths that this load pinned; removed again unless it comes to its end.
#[derive(Default)]
struct Pins(Vec<PathBuf>);

impl Pins {
    fn keep(&mut self) {
        self.0.clear();
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        for path in self.0.drain(..) {
            // Nobody is left to tell.
            let _ = std::fs::remove_file(path);
        }
    }
}
