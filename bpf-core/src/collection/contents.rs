//! What maps hold before the first program runs.

use bpf_elf::prepare::{KconfigError, prepare_kconfig};
use bpf_elf::spec::{MapContents, SpecMap};
use bpf_sys::abi::{MapType, UpdateFlags};

use super::load::Loader;
use crate::error::{Error, ErrorKind, Result};
use crate::kconfig;
use crate::map::{self, Map};
use crate::program::Program;

/// The section of the map that holds kernel options.
const KCONFIG: &str = ".kconfig";

impl Loader<'_> {
    pub(super) fn fill_maps(&self) -> Result<()> {
        for (name, spec) in &self.spec.maps {
            let Some(map) = self.maps.get(name) else { continue };
            if self.given.contains(name) {
                continue;
            }
            match &spec.contents {
                MapContents::Bytes(bytes) => {
                    map.fill(bytes)?;
                }
                MapContents::Pairs(pairs) => map.fill_pairs(pairs)?,
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

    pub(super) fn fill_program_arrays(&self, programs: &SpecMap<Program>) -> Result<()> {
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

    /// Computes the values of the `.kconfig` map.
    fn fill_kconfig(&self, map: &Map) -> Result<()> {
        let config = kconfig::read(&self.context, self.spec, self.options.kconfig.as_deref())?;
        let value = prepare_kconfig(self.spec, &config).map_err(|source| {
            let kind = match source {
                KconfigError::Outside { .. } => ErrorKind::InvalidSpec,
                _ => ErrorKind::NotFound,
            };
            let action = format!("find the value of `{}`", source.name());
            Error::new(kind, action).with_reason(source.to_string())
        })?;
        let Some(value) = value else { return Ok(()) };
        map.update(&0_u32.to_ne_bytes(), &value, UpdateFlags::ANY)
    }
}
