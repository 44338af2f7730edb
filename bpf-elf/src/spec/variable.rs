//! The specification of a variable.

/// A global variable: a piece of the value of the map that holds its section.
///
/// The bytes are in the contents of the map; [`CollectionSpec::variable`](crate::spec::CollectionSpec::variable) and
/// [`CollectionSpec::variable_mut`](crate::spec::CollectionSpec::variable_mut) reach them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct VariableSpec {
    /// The symbol.
    pub name: String,
    /// The map that holds it.
    pub map: String,
    /// Bytes from the start of the value of the map.
    pub offset: u32,
    /// Bytes of the variable.
    pub size: u32,
    /// The map is read-only for programs and frozen before they are loaded: the verifier knows the value.
    pub constant: bool,
    /// The type as C would write it, if the object has BTF.
    pub type_name: Option<String>,
    /// The type as its number in the BTF of the object; 0 if there is none.
    pub type_id: u32,
}

impl VariableSpec {
    /// A variable of `size` bytes at `offset` of the value of `map`.
    pub fn new(name: impl Into<String>, map: impl Into<String>, offset: u32, size: u32) -> Self {
        Self {
            name: name.into(),
            map: map.into(),
            offset,
            size,
            constant: false,
            type_name: None,
            type_id: 0,
        }
    }
}
