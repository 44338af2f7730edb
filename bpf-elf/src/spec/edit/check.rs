//! Whether an edited spec holds together.
use bpf_sys::abi::MapType;

use super::EditError;
use super::error::refuse;
use super::pairs;
use super::variable::fits;
use crate::spec::{CollectionSpec, Function, MapContents, MapSpec, Target, VariableSpec};

/// What a reference names and is not there.
pub(super) enum Missing<'target> {
    /// Something of this kind with this name.
    Named(&'static str, &'target str),
    /// What has no name; this says what the reference is.
    Table(&'static str),
}

impl CollectionSpec {
    /// Whether the spec holds together: what is named exists, tables name slots that exist, variables are within their maps and do not
    /// overlap, contents have the size of the value. A spec that was read does; one that was made by hand may not.
    ///
    /// # Errors
    ///
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), EditError> {
        for function in self.code() {
            self.check_function(function)?;
        }
        for callback in
            self.programs.values().filter_map(|program| program.exception_callback.as_ref())
        {
            if !self.functions.contains(callback) {
                return Err(EditError::missing("function", callback));
            }
        }
        for map in self.maps.values() {
            self.check_contents(map)?;
        }
        self.check_variables()
    }

    fn check_function(&self, function: &Function) -> Result<(), EditError> {
        let check = |table: &'static str, slots: &mut dyn Iterator<Item = usize>| {
            let mut last = 0;
            for slot in slots {
                if slot < last || slot >= function.slots.len() {
                    return Err(EditError::Slot { function: function.name.clone(), table, slot });
                }
                last = slot;
            }
            Ok(())
        };
        check("a reference", &mut function.references.iter().map(|reference| reference.slot))?;
        check(
            "a CO-RE relocation",
            &mut function.core_relocations.iter().map(|record| record.slot),
        )?;
        check("a line", &mut function.line_infos.iter().map(|line| line.slot))?;
        for table in &function.jump_tables {
            let outside = table.targets.iter().find(|target| **target >= function.slots.len());
            if let Some(&slot) = outside {
                let function = function.name.clone();
                return Err(EditError::Slot { function, table: "a jump table", slot });
            }
        }
        for reference in &function.references {
            match self.missing(function, &reference.target) {
                None => {}
                Some(Missing::Named(kind, name)) => return Err(EditError::missing(kind, name)),
                Some(Missing::Table(table)) => {
                    let function = function.name.clone();
                    return Err(EditError::Slot { function, table, slot: reference.slot });
                }
            }
        }
        Ok(())
    }

    /// What the function names by a reference and does not exist, if so.
    pub(super) fn missing<'target>(
        &self,
        function: &Function,
        target: &'target Target,
    ) -> Option<Missing<'target>> {
        let (kind, name, known) = match target {
            Target::Map { name } | Target::MapValue { map: name, .. } => {
                ("map", name, self.maps.contains(name))
            }
            Target::Call { function } | Target::FunctionAddress { function } => {
                ("function", function, self.function(function).is_some())
            }
            Target::Kfunc { name }
            | Target::KfuncAddress { name }
            | Target::Ksym { name }
            | Target::Kconfig { name } => ("extern", name, self.externs.contains(name)),
            Target::JumpTable { index } => {
                let known = *index < function.jump_tables.len();
                return (!known).then_some(Missing::Table("a reference to a missing jump table"));
            }
        };
        (!known).then_some(Missing::Named(kind, name))
    }

    fn check_contents(&self, map: &MapSpec) -> Result<(), EditError> {
        match &map.contents {
            MapContents::Bytes(bytes)
                if map.map_type != MapType::ARENA
                    && usize::try_from(map.value_size) != Ok(bytes.len()) =>
            {
                return Err(EditError::Contents {
                    map: map.name.clone(),
                    size: map.value_size,
                    found: bytes.len(),
                });
            }
            MapContents::Entries(entries) => {
                let programs = map.map_type == MapType::PROG_ARRAY;
                for entry in entries {
                    if programs && !self.programs.contains(&entry.name) {
                        return Err(EditError::missing("program", &entry.name));
                    }
                    if !programs && !self.maps.contains(&entry.name) {
                        return Err(EditError::missing("map", &entry.name));
                    }
                }
            }
            MapContents::Pairs(of) => {
                let mut wrong = Vec::new();
                pairs::sizes(map, of, &mut wrong);
                refuse(wrong, &[], EditError::map(&map.name))?;
            }
            MapContents::None | MapContents::Zeroed | MapContents::Bytes(_) => {}
        }
        let mut members = map.function_members.iter();
        match members.find(|member| !self.programs.contains(&member.program)) {
            Some(member) => Err(EditError::missing("program", &member.program)),
            None => Ok(()),
        }
    }

    fn check_variables(&self) -> Result<(), EditError> {
        let mut variables: Vec<&VariableSpec> = self.variables.values().collect();
        for variable in &variables {
            let map = self.maps.get(&variable.map);
            fits(variable, map.ok_or_else(|| EditError::missing("map", &variable.map))?)?;
        }
        variables.sort_by(|one, other| (&one.map, one.offset).cmp(&(&other.map, other.offset)));
        for pair in variables.windows(2) {
            let [first, second] = pair else { continue };
            let same = (first.offset, first.size) == (second.offset, second.size);
            let overlap = first.offset.saturating_add(first.size) > second.offset;
            // Two names for the same bytes are an alias.
            if first.map == second.map && overlap && !same {
                return Err(EditError::Overlap {
                    first: first.name.clone(),
                    second: second.name.clone(),
                    map: first.map.clone(),
                });
            }
        }
        Ok(())
    }
}
