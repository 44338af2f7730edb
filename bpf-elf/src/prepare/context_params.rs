//! Functions whose parameter is the context, for kernels that do not know the tag that says so.

use std::collections::HashMap;

use bpf_btf::{Btf, BtfBuilder, BuildError, Type, TypeId};
use bpf_sys::abi::ProgramType;

use super::FuncInfo;
use super::btf::all_functions;
use crate::spec::{CollectionSpec, Linkage};

/// The tag on a parameter (`__arg_ctx` of `bpf_helpers.h`).
const TAG: &str = "arg:ctx";

/// Parameters that a function can have on the kernels that need a copy: those that are in registers (kernel: `MAX_BPF_FUNC_REG_ARGS`). Copies
/// of what has more would help nobody, and take room without end.
const MAX_PARAMS: usize = 5;

/// Copies of functions for kernels that know the context of a global function by the name of its type alone: those before 6.8, which do not
/// heed the tag `arg:ctx` (libbpf: `bpf_program_fixup_func_info`).
///
/// Made by [`prepare_btf_with_contexts`](super::prepare_btf_with_contexts) or
/// [`with_own_btf_and_contexts`](super::PreparedProgram::with_own_btf_and_contexts), and good for the BTF that comes with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextFunctions {
    /// By the number of the function and the name of the context.
    copies: HashMap<(u32, &'static str), u32>,
}

impl ContextFunctions {
    /// Whether no function needs a copy for any program that the BTF is for.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// The function records of a program of this type with the copies in place of the functions; `None` if that changes nothing.
    pub fn func_infos(
        &self,
        program_type: ProgramType,
        infos: &[FuncInfo],
    ) -> Option<Vec<FuncInfo>> {
        let context = context_name(program_type)?;
        let mut changed = false;
        let copied = infos.iter().map(|info| {
            let copy = self.copies.get(&(info.type_id, context)).copied();
            changed |= copy.is_some();
            FuncInfo { type_id: copy.unwrap_or(info.type_id), ..*info }
        });
        let copied = copied.collect();
        changed.then_some(copied)
    }

    /// Adds the copies that programs of a collection, of these types, may need. `number` is that of a type of the collection in the builder, if
    /// it is there.
    pub(super) fn add(
        spec: &CollectionSpec,
        btf: &Btf,
        programs: impl Iterator<Item = ProgramType>,
        builder: &mut BtfBuilder,
        number: impl Fn(TypeId) -> Option<TypeId>,
    ) -> Result<Self, BuildError> {
        let mut tagged: HashMap<u32, Vec<usize>> = HashMap::new();
        for (_, found) in btf.types() {
            let Type::DeclTag(tag) = found else { continue };
            let param = tag.component().and_then(|index| usize::try_from(index).ok());
            if let (TAG, Some(param)) = (tag.name(), param) {
                tagged.entry(tag.target().get()).or_default().push(param);
            }
        }
        let mut copies = Self::default();
        if tagged.is_empty() {
            return Ok(copies);
        }
        let mut types: Vec<ProgramType> = programs.collect();
        types.sort_unstable_by_key(|program_type| program_type.0);
        types.dedup();
        for function in all_functions(spec).filter(|f| f.linkage != Linkage::Static && !f.hidden) {
            let Some(id) = function.type_id else { continue };
            // Each function once, however often it is defined.
            let Some(params) = tagged.remove(&id) else { continue };
            let Some(Type::Func(func)) = btf.get(TypeId::new(id)) else { continue };
            let Some(Type::FuncProto(prototype)) = btf.get(func.prototype()) else { continue };
            if prototype.param_count() > MAX_PARAMS {
                continue;
            }
            let Some(number) = number(TypeId::new(id)) else { continue };
            let id = number.get();
            for &program_type in &types {
                let Some(context) = context_name(program_type) else { continue };
                if copies.copies.contains_key(&(id, context)) {
                    continue;
                }
                let wrong = |at: &usize| {
                    let param = prototype.params().nth(*at);
                    param.is_some_and(|p| needs_other_type(btf, p.type_id(), program_type, context))
                };
                let params: Vec<usize> = params.iter().copied().filter(wrong).collect();
                let copy = builder.with_context_params_at(number, &params, context)?;
                copies.copies.extend(copy.map(|copy| ((id, context), copy.get())));
            }
        }
        Ok(copies)
    }
}

/// What the kernel calls the context of programs of a type. The others have no name for it (libbpf: `global_ctx_map`).
fn context_name(program_type: ProgramType) -> Option<&'static str> {
    use ProgramType as P;
    Some(match program_type {
        P::CGROUP_DEVICE => "bpf_cgroup_dev_ctx",
        P::CGROUP_SOCK => "bpf_sock",
        P::CGROUP_SOCK_ADDR => "bpf_sock_addr",
        P::CGROUP_SOCKOPT => "bpf_sockopt",
        P::CGROUP_SYSCTL => "bpf_sysctl",
        P::KPROBE => "bpf_user_pt_regs_t",
        P::NETFILTER => "bpf_nf_ctx",
        P::PERF_EVENT => "bpf_perf_event_data",
        P::RAW_TRACEPOINT | P::RAW_TRACEPOINT_WRITABLE => "bpf_raw_tracepoint_args",
        P::SK_LOOKUP => "bpf_sk_lookup",
        P::SK_MSG => "sk_msg_md",
        P::SK_REUSEPORT => "sk_reuseport_md",
        P::SOCK_OPS => "bpf_sock_ops",
        P::XDP => "xdp_md",
        P::CGROUP_SKB
        | P::FLOW_DISSECTOR
        | P::LWT_IN
        | P::LWT_OUT
        | P::LWT_SEG6LOCAL
        | P::LWT_XMIT
        | P::SCHED_ACT
        | P::SCHED_CLS
        | P::SK_SKB
        | P::SOCKET_FILTER => "__sk_buff",
        _ => return None,
    })
}

/// Whether a parameter is declared as something that may stand for the context, and that an older kernel does not take for it: `void *` and, by type
/// of program, what newer kernels take as well. Anything else is a mistake of the source, which the verifier tells.
fn needs_other_type(btf: &Btf, param: TypeId, program_type: ProgramType, context: &str) -> bool {
    use ProgramType as P;
    let Some(Type::Ptr(pointer)) = btf.resolve(param) else { return false };
    let target = btf.resolve(pointer.target());
    let probe = matches!(program_type, P::KPROBE | P::PERF_EVENT);
    // The kernel knows this one by the name of a typedef.
    if probe && passes_typedef(btf, pointer.target(), "bpf_user_pt_regs_t") {
        return false;
    }
    match target {
        None | Some(Type::Void) => true,
        Some(Type::Struct(found)) if found.name() == context => false,
        Some(Type::Struct(found)) if probe => {
            // What the typedef stands for differs by machine.
            matches!(found.name(), "pt_regs")
                || (program_type == P::PERF_EVENT
                    && matches!(found.name(), "user_pt_regs" | "user_regs_struct"))
        }
        Some(Type::Int(found)) => {
            matches!(program_type, P::RAW_TRACEPOINT | P::RAW_TRACEPOINT_WRITABLE)
                && found.size() == 8
        }
        _ => false,
    }
}

/// Whether a typedef of this name is among those that a type is behind.
fn passes_typedef(btf: &Btf, id: TypeId, name: &str) -> bool {
    let mut id = id;
    // Chains of types are no longer than this.
    for _ in 0..32 {
        id = match btf.get(id) {
            Some(Type::Typedef(found)) if found.name() == name => return true,
            Some(Type::Const(found) | Type::Volatile(found) | Type::Restrict(found)) => {
                found.target()
            }
            _ => return false,
        };
    }
    false
}

#[cfg(test)]
mod tests;
