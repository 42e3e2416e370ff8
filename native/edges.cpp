// Dot products of sparse rows along the edges of a graph.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <vector>

namespace nb = nanobind;

namespace {

using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// For each edge e of row i: out[e] = rows[i] . rows[target[e]], for i in first..last-1.
void edge_dots(Starts start, Columns column, Values value, int64_t width, Starts edge_start,
               Columns target, int64_t first, int64_t last, Output out) {
    const auto n = static_cast<int64_t>(start.shape(0)) - 1;
    if (static_cast<int64_t>(edge_start.shape(0)) != n + 1 || out.shape(0) != target.shape(0) ||
        column.shape(0) != value.shape(0) || first < 0 || last > n || first > last)
        throw nb::value_error("edge_dots: shapes of rows, edges and out differ");
    nb::gil_scoped_release unlocked;
    std::vector<float> dense(static_cast<size_t>(width), 0.0f);
    for (int64_t i = first; i < last; ++i) {
        for (int64_t p = start.data()[i]; p < start.data()[i + 1]; ++p)
            dense[column.data()[p]] = value.data()[p];
        for (int64_t e = edge_start.data()[i]; e < edge_start.data()[i + 1]; ++e) {
            const int32_t j = target.data()[e];
            double sum = 0.0;
            for (int64_t p = start.data()[j]; p < start.data()[j + 1]; ++p)
                sum += static_cast<double>(dense[column.data()[p]]) * value.data()[p];
            out.data()[e] = static_cast<float>(sum);
        }
        for (int64_t p = start.data()[i]; p < start.data()[i + 1]; ++p)
            dense[column.data()[p]] = 0.0f;
    }
}

}  // namespace

void bind_edges(nb::module_ &m) {
    m.def("edge_dots", &edge_dots, nb::arg("start"), nb::arg("column"), nb::arg("value"),
          nb::arg("width"), nb::arg("edge_start"), nb::arg("target"), nb::arg("first"),
          nb::arg("last"), nb::arg("out").noconvert(),
          "Dot products of sparse rows along graph edges, into `out`.");
}
