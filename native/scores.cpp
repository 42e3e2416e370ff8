// Linear scores of rows, the same for any batch: each sum runs over the columns in order.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>
#include <vector>

#include "clones.h"

namespace nb = nanobind;

namespace {

using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr size_t kRows = 6, kColumns = 16;

typedef float Lanes __attribute__((vector_size(kColumns * sizeof(float))));

// Multiplications and additions stay apart in all clones, so that they give the same bits. Each
// output is one sum over k in order, in a tile of any shape: a row's scores do not depend on others.
ISOGLOSS_CLONES void multiply(const float *x, const float *w, float *out, float *panel, size_t n,
                              size_t d, size_t m) {
    for (size_t j0 = 0; j0 < m; j0 += kColumns) {
        const size_t width = m - j0 < kColumns ? m - j0 : kColumns;
        for (size_t k = 0; k < d; ++k) {  // 16 columns side by side, the last ones filled with zeros
            for (size_t j = 0; j < width; ++j) panel[k * kColumns + j] = w[k * m + j0 + j];
            for (size_t j = width; j < kColumns; ++j) panel[k * kColumns + j] = 0.0f;
        }
        size_t i0 = 0;
        for (; i0 + kRows <= n; i0 += kRows) {
            Lanes sum[kRows] = {};
            const float *row = x + i0 * d;
            for (size_t k = 0; k < d; ++k) {
                Lanes column;
                __builtin_memcpy(&column, panel + k * kColumns, sizeof(column));
                for (size_t i = 0; i < kRows; ++i) sum[i] += row[i * d + k] * column;
            }
            for (size_t i = 0; i < kRows; ++i)
                __builtin_memcpy(out + (i0 + i) * m + j0, &sum[i], width * sizeof(float));
        }
        for (; i0 < n; ++i0) {
            Lanes sum = {};
            for (size_t k = 0; k < d; ++k) {
                Lanes column;
                __builtin_memcpy(&column, panel + k * kColumns, sizeof(column));
                sum += x[i0 * d + k] * column;
            }
            __builtin_memcpy(out + i0 * m + j0, &sum, width * sizeof(float));
        }
    }
}

void dense_scores(Matrix rows, Matrix weights, Result out) {
    if (rows.shape(1) != weights.shape(0) || out.shape(0) != rows.shape(0) ||
        out.shape(1) != weights.shape(1))
        throw nb::value_error("dense_scores: shapes of rows, weights and out differ");
    nb::gil_scoped_release unlocked;
    std::vector<float> panel(rows.shape(1) * kColumns + 1);
    multiply(rows.data(), weights.data(), out.data(), panel.data(), rows.shape(0), rows.shape(1),
             weights.shape(1));
}

void sparse_scores(Starts start, Columns column, Values value, Matrix weights, Result out) {
    const size_t n = out.shape(0), m = weights.shape(1);
    if (start.shape(0) != n + 1 || out.shape(1) != m || column.shape(0) != value.shape(0))
        throw nb::value_error("sparse_scores: shapes of rows, weights and out differ");
    if (start.data()[0] < 0 || start.data()[n] > static_cast<int64_t>(column.shape(0)))
        throw nb::value_error("sparse_scores: start does not fit the entries");
    for (int64_t p = start.data()[0]; p < start.data()[n]; ++p)
        if (column.data()[p] < 0 || static_cast<size_t>(column.data()[p]) >= weights.shape(0))
            throw nb::value_error("sparse_scores: a column is outside the weights");
    nb::gil_scoped_release unlocked;
    for (size_t i = 0; i < n; ++i) {
        float *result = out.data() + i * m;
        for (size_t j = 0; j < m; ++j) result[j] = 0.0f;
        for (int64_t p = start.data()[i]; p < start.data()[i + 1]; ++p) {
            const float a = value.data()[p];
            const float *row = weights.data() + static_cast<size_t>(column.data()[p]) * m;
            for (size_t j = 0; j < m; ++j) result[j] += a * row[j];
        }
    }
}

}  // namespace

void bind_scores(nb::module_ &m) {
    m.def("dense_scores", &dense_scores, nb::arg("rows"), nb::arg("weights"),
          nb::arg("out").noconvert(), "rows @ weights, into `out`; the same for any batch.");
    m.def("sparse_scores", &sparse_scores, nb::arg("start"), nb::arg("column"), nb::arg("value"),
          nb::arg("weights"), nb::arg("out").noconvert(),
          "Sparse rows @ weights, into `out`; the same for any batch.");
}
