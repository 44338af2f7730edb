//! Context parameters of subprograms, for kernels that do not know their tag.

use alloc::vec::Vec;

use super::{BtfBuilder, BuildError, Definition};
use crate::{Kind, TypeId};

/// The tag on a parameter that is the context (`__arg_ctx` of `bpf_helpers.h`).
const TAG: &str = "arg:ctx";

/// How many typedefs and modifiers may hide the context's type.
const MAX_CHAIN: usize = 32;

/// Words of a record before its elements, and of each parameter.
const HEAD: usize = 3;
const PARAM: usize = 2;

impl BtfBuilder {
    /// A copy of a function whose parameters tagged `arg:ctx` point to a structure `context`, for kernels before 6.8, which
    /// know the context of a global function by the name of its type only (libbpf: `bpf_program_fixup_func_info`).
    ///
    /// `context` is what the kernel calls the context of the program's type: `__sk_buff`, `xdp_md`, `bpf_user_pt_regs_t`,
    /// `bpf_perf_event_data`, `bpf_raw_tracepoint_args` and so on. The function itself stays, as it may serve programs of
    /// several types: the program's function record has to name the copy. `None` when nothing is to be done: no
    /// parameter has the tag, those that have it are of the right type, or are no pointers.
    ///
    /// Errors: [`BuildError::Kind`] when `func` is no function of this builder.
    ///
    /// ```
    /// use bpf_btf::{Btf, BtfBuilder, ByteOrder, Definition, FuncLinkage, NewParam, Type, TypeId};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut builder = BtfBuilder::new();
    /// let pointer = builder.add(&Definition::Ptr { target: TypeId::VOID })?;
    /// let params = [NewParam::new("ctx", pointer)];
    /// let prototype = builder.add(&Definition::FuncProto { return_type: pointer, params: &params })?;
    /// let linkage = FuncLinkage::Global;
    /// let func = builder.add(&Definition::Func { name: "sub", prototype, linkage })?;
    /// builder.add(&Definition::DeclTag { name: "arg:ctx", target: func, component: Some(0), attribute: false })?;
    ///
    /// let copy = builder.with_context_params(func, "xdp_md")?.ok_or("a parameter is tagged")?;
    /// let btf = Btf::parse(builder.write(ByteOrder::NATIVE)?)?;
    /// let Some(Type::Func(copy)) = btf.get(copy) else { return Err("a function is copied".into()) };
    /// assert_eq!(btf.display_name(copy.prototype()).to_string(), "void *(struct xdp_md *)");
    /// # Ok(()) }
    /// ```
    pub fn with_context_params(
        &mut self,
        func: TypeId,
        context: &str,
    ) -> Result<Option<TypeId>, BuildError> {
        let params = self.tagged_params(func);
        self.with_context_params_at(func, &params, context)
    }

    /// As [`with_context_params`](Self::with_context_params), for these parameters (counted from 0), whether they are tagged or not: for callers that
    /// know the tags of many functions. Parameters that the function does not have are passed over.
    pub fn with_context_params_at(
        &mut self,
        func: TypeId,
        params: &[usize],
        context: &str,
    ) -> Result<Option<TypeId>, BuildError> {
        let wrong = || BuildError::Kind { id: func, expected: Kind::Func };
        let function = self.words_of(func).filter(|_| self.kind(func) == Some(Kind::Func));
        let mut function = function.ok_or_else(wrong)?.to_vec();
        let prototype = function.get(2).map_or(TypeId::VOID, |word| TypeId::new(*word));
        let mut words = self.words_of(prototype).ok_or_else(wrong)?.to_vec();
        let mut changed = Vec::new();
        for &index in params {
            let place = index.checked_mul(PARAM).and_then(|at| at.checked_add(HEAD + 1));
            let param = place.and_then(|place| words.get(place).map(|param| (place, *param)));
            if let Some((place, param)) = param {
                if self.is_other_pointer(TypeId::new(param), context) {
                    changed.push(place);
                }
            }
        }
        if changed.is_empty() {
            return Ok(None);
        }
        let structure = Definition::Struct { name: context, size: 0, members: &[] };
        let target = self.add(&structure)?;
        let pointer = self.add(&Definition::Ptr { target })?;
        for place in changed {
            if let Some(param) = words.get_mut(place) {
                *param = pointer.get();
            }
        }
        let prototype = self.push_record(&words)?;
        if let Some(word) = function.get_mut(2) {
            *word = prototype.get();
        }
        self.push_record(&function).map(Some)
    }

    /// The parameters of a function that the tag names.
    fn tagged_params(&self, func: TypeId) -> Vec<usize> {
        let tagged = |id: TypeId| match self.words_of(id)? {
            &[_, _, target, component] if target == func.get() && component != u32::MAX => {
                (self.kind(id) == Some(Kind::DeclTag) && self.name(id) == TAG)
                    .then_some(component as usize)
            }
            _ => None,
        };
        self.own_ids().filter_map(tagged).collect()
    }

    /// Whether a type is a pointer, but not to something called `context`.
    fn is_other_pointer(&self, id: TypeId, context: &str) -> bool {
        let Some(pointer) = self.chain(id).find(|id| self.kind(*id) == Some(Kind::Ptr)) else {
            return false;
        };
        !self.chain(self.target(pointer)).any(|id| {
            let is_named = matches!(
                self.kind(id),
                Some(Kind::Struct | Kind::Union | Kind::Fwd | Kind::Typedef)
            );
            is_named && self.name(id) == context
        })
    }

    /// A type, and those under it as far as typedefs and modifiers reach.
    fn chain(&self, id: TypeId) -> impl Iterator<Item = TypeId> + '_ {
        let next = |id: &TypeId| {
            let passes =
                self.kind(*id).is_some_and(|kind| kind.is_modifier() || kind == Kind::Typedef);
            passes.then(|| self.target(*id))
        };
        core::iter::successors(Some(id), next).take(MAX_CHAIN)
    }

    /// What a type refers to.
    fn target(&self, id: TypeId) -> TypeId {
        if id.get() < self.first_id {
            let found = self.base.as_ref().and_then(|base| base.get(id));
            return found
                .and_then(|found| found.reference())
                .map_or(TypeId::VOID, |reference| reference.target());
        }
        let word = self.words_of(id).and_then(|words| words.get(2));
        word.map_or(TypeId::VOID, |word| TypeId::new(*word))
    }
}
