//! Any bytes as BTF, printed as C: a header in either order, single types, declarations, or an error.
#![no_main]

use bpf_btf::{Btf, CDeclarationOptions, CError, CHeaderOptions, CPrinter, c_header};
use libfuzzer_sys::fuzz_target;

/// Types that are printed one by one.
const TYPES: usize = 256;

fuzz_target!(|bytes: &[u8]| {
    let Ok(btf) = Btf::parse_trusted(bytes.to_vec()) else { return };
    if let Err(error) = btf.validate() {
        let header = c_header(&btf, &CHeaderOptions::default());
        assert_eq!(header, Err(CError::Types(error)), "text of types that are not valid");
    }
    for options in [CHeaderOptions::default(), CHeaderOptions::default().in_order_of_ids()] {
        if let Ok(header) = c_header(&btf, &options) {
            assert_eq!(header.matches('{').count(), header.matches('}').count(), "{header}");
        }
    }
    for printer in [CPrinter::new(&btf), CPrinter::new(&btf).with_decl_tags()] {
        let mut printer = printer;
        for (id, _) in btf.types().take(TYPES) {
            let _ = printer.define(id);
            let _ = printer.declaration(id, "name", &CDeclarationOptions::default());
        }
        assert!(printer.into_text().len() < 1 << 26, "more text than the types have to say");
    }
});
