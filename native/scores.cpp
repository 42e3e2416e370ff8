// Linear scores of rows, the same for any batch: each sum runs over the columns in order.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstdint>

namespace nb = nanobind;

namespace {

using Matrix = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Result = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

constexpr size_t kRows = 4, kColumns = 16;

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ISOGLOSS_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define ISOGLOSS_CLONES
#endif

// Multiplications and additions stay apart in all clones, so that they give the same bits.
ISOGLOSS_CLONES void multiply(const float *x, const float *w, float *out, size_t n, size_t d,
                              size_t m) {
    for (size_t j0 = 0; j0 < m; j0 += kColumns) {
        const size_t width = m - j0 < kColumns ? m - j0 : kColumns;
        for (size_t i0 = 0; i0 < n; i0 += kRows) {
            const size_t height = n - i0 < kRows ? n - i0 : kRows;
            float sum[kRows][kColumns] = {};
            if (height == kRows && width == kColumns) {
                for (size_t k = 0; k < d; ++k) {
                    const float *row = w + k * m + j0;
                    for (size_t i = 0; i < kRows; ++i) {
                        const float a = x[(i0 + i) * d + k];
                        for (size_t j = 0; j < kColumns; ++j) sum[i][j] += a * row[j];
                    }
                }
            } else {
                for (size_t k = 0; k < d; ++k)
                    for (size_t i = 0; i < height; ++i)
                        for (size_t j = 0; j < width; ++j)
                            sum[i][j] += x[(i0 + i) * d + k] * w[k * m + j0 + j];
            }
            for (size_t i = 0; i < height; ++i)
                for (size_t j = 0; j < width; ++j) out[(i0 + i) * m + j0 + j] = sum[i][j];
        }
    }
}

void dense_scores(Matrix rows, Matrix weights, Result out) {
    if (rows.shape(1) != weights.shape(0) || out.shape(0) != rows.shape(0) ||
        out.shape(1) != weights.shape(1))
        throw nb::value_error("dense_scores: shapes of rows, weights and out differ");
    nb::gil_scoped_release unlocked;
    multiply(rows.data(), weights.data(), out.data(), rows.shape(0), rows.shape(1),
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
