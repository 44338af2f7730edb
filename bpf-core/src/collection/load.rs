//! The order of loading: BTF, maps, their contents, programs, the slots that hold programs.

use std::collections::HashSet;
use std::path::PathBuf;

use bpf_elf::prepare::CoreResolution;
use bpf_elf::spec::{CollectionSpec, MapContents, MapSpec, Pinning, SpecMap};
use bpf_sys::abi::MapType;

use super::options::LoadOptions;
use super::symbols::Addresses;
use super::{btf, programs};
use crate::context::Context;
use crate::error::{Error, ErrorKind, Result};
use crate::map::{self, Map};
use crate::program::Program;

/// Loads everything, or nothing.
pub(super) fn load(
    spec: &CollectionSpec,
    options: &LoadOptions<'_>,
) -> Result<(SpecMap<Map>, SpecMap<Program>)> {
    let context = options.context.clone().unwrap_or_default();
    check(spec, options)?;
    let btf = btf::load(spec, &context)?;
    let core = programs::resolve_core(spec, options, &context)?;
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

pub(super) struct Loader<'a> {
    pub(super) spec: &'a CollectionSpec,
    pub(super) options: &'a LoadOptions<'a>,
    pub(super) context: Context,
    pub(super) btf: btf::Loaded,
    pub(super) core: Option<CoreResolution>,
    pub(super) maps: SpecMap<Map>,
    pub(super) addresses: Addresses,
    /// Maps that existed before: pinned ones and replacements. They keep their contents.
    pub(super) given: HashSet<String>,
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
            } else if let Some(reason) = not_implemented(map_spec) {
                let action = format!("create map `{name}`");
                return Err(Error::new(ErrorKind::InvalidSpec, action).with_reason(reason));
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
                &map::CreateOptions {
                    object: self.options.object_name.as_deref().unwrap_or_default(),
                    btf: self.btf.fd(),
                    inner,
                    context: &self.context,
                },
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
}

/// What the library reads from objects, and cannot load yet.
fn not_implemented(spec: &MapSpec) -> Option<&'static str> {
    match spec.map_type {
        MapType::STRUCT_OPS => Some("struct_ops maps cannot be loaded yet"),
        MapType::ARENA if matches!(spec.contents, MapContents::Bytes(_)) => {
            Some("data in arenas cannot be loaded yet")
        }
        _ => None,
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
