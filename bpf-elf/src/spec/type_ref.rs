//! Types of the BTF of the object, by number and name.

/// A type of the BTF of the object: its number, and its name as C would write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeRef {
    id: u32,
    name: String,
}

impl TypeRef {
    /// The type of this number. The name is for people; what it is made of is in the BTF of the object.
    pub fn new(id: u32, name: impl Into<String>) -> Self {
        Self { id, name: name.into() }
    }

    /// The number of the type in the BTF of the object.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The name as C would write it: `__u32`, `struct event`, `char[16]`.
    pub fn name(&self) -> &str {
        &self.name
    }
}
