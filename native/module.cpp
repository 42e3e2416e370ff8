// The native kernels of isogloss. Each has a plain NumPy twin in the tests.
#include <nanobind/nanobind.h>

namespace nb = nanobind;

void bind_code_scan(nb::module_ &m);
void bind_communities(nb::module_ &m);
void bind_edges(nb::module_ &m);
void bind_layout(nb::module_ &m);
void bind_lexical(nb::module_ &m);
void bind_min_hashing(nb::module_ &m);
void bind_nearest(nb::module_ &m);
void bind_scores(nb::module_ &m);
void bind_tokens(nb::module_ &m);
void bind_topk(nb::module_ &m);

NB_MODULE(_native, m) {
    m.doc() = "Native kernels; use them through the Python modules that own them.";
    bind_code_scan(m);
    bind_communities(m);
    bind_edges(m);
    bind_layout(m);
    bind_lexical(m);
    bind_min_hashing(m);
    bind_nearest(m);
    bind_scores(m);
    bind_tokens(m);
    bind_topk(m);
}
