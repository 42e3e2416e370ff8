#include "row_codes.h"

namespace codes {

namespace {

struct Measures {
    float step = 1.0f;
    double norm = 0, kept = 0, lost = 0;  // lengths of the row, of its codes, of what they lose
    int32_t sum = 0;
};

// Numbers as whole steps of the largest over 127. Any codes will do, since what they lose is
// measured.
ISOGLOSS_CLONES void encode_row(const float *row, int64_t dim, int8_t *code, Measures *found) {
    constexpr int64_t lanes = 8;
    double squares[lanes] = {0}, codes[lanes] = {0}, rest[lanes] = {0};
    float largest = 0;
    bool number = true;
    for (int64_t j = 0; j < dim; ++j) {
        const float size = std::fabs(row[j]);
        largest = size > largest ? size : largest;
        number &= size <= 3.4028235e38f;
    }
    const float unit = largest / 127.0f;
    if (!number || !(unit > 1e-37f)) {  // all but nothing, or no numbers: let the caller see
        std::memset(code, 0, dim);
        found->norm = number ? largest : INFINITY;
        return;
    }
    const float inverse = 1.0f / unit;
    int32_t total = 0;
    const auto place = [&](int64_t j, int64_t lane) {
        const float scaled = row[j] * inverse;
        const float whole = scaled + (scaled < 0 ? -0.5f : 0.5f);
        const auto number = static_cast<int32_t>(std::min(127.0f, std::max(-127.0f, whole)));
        code[j] = static_cast<int8_t>(number);
        total += number;
        const double value = row[j], held = static_cast<double>(unit) * number;
        squares[lane] += value * value;
        codes[lane] += held * held;
        rest[lane] += (value - held) * (value - held);
    };
    int64_t j = 0;
    for (; j + lanes <= dim; j += lanes)
        for (int64_t lane = 0; lane < lanes; ++lane) place(j + lane, lane);
    for (; j < dim; ++j) place(j, 0);
    for (int64_t lane = 1; lane < lanes; ++lane) {
        squares[0] += squares[lane];
        codes[0] += codes[lane];
        rest[0] += rest[lane];
    }
    *found = {unit, std::sqrt(squares[0]), std::sqrt(codes[0]), std::sqrt(rest[0]), total};
}

float up(double value) { return static_cast<float>(value * 1.000001); }

void products_plain(const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps,
                    const int32_t *, int32_t *out) {
    const int8_t *panel[2] = {b, c};
    for (int64_t i = 0; i < kRows; ++i)
        for (int64_t j = 0; j < kKeys; ++j) {
            const int8_t *one = a + i * 4, *two = panel[j / kPanel] + j % kPanel * 4;
            int32_t sum = 0;
            for (int64_t g = 0; g < steps; ++g)
                for (int64_t t = 0; t < 4; ++t)
                    sum += one[g * 4 * kPanel + t] * two[g * 4 * kPanel + t];
            out[i * kKeys + j] = sum;
        }
}

#ifdef ISOGLOSS_X86
inline int32_t four(const int8_t *at) {
    int32_t value;
    std::memcpy(&value, at, 4);
    return value;
}

// Bytes are multiplied without a sign times with one: the sign of the rows goes to the keys, and
// as codes stay within 127, sums of two products fit 16 bits.
__attribute__((target("avx2"))) void products_avx2(const int8_t *a, const int8_t *b,
                                                   const int8_t *c, int64_t steps, const int32_t *,
                                                   int32_t *out) {
    const __m256i ones = _mm256_set1_epi16(1);
    for (int64_t i = 0; i < kRows; i += 2) {
        __m256i sum[2][4];
        for (auto &row : sum)
            for (auto &part : row) part = _mm256_setzero_si256();
        for (int64_t g = 0; g < steps; ++g) {
            const auto *left = reinterpret_cast<const __m256i *>(b + g * 4 * kPanel);
            const auto *right = reinterpret_cast<const __m256i *>(c + g * 4 * kPanel);
            const __m256i key[4] = {_mm256_loadu_si256(left), _mm256_loadu_si256(left + 1),
                                    _mm256_loadu_si256(right), _mm256_loadu_si256(right + 1)};
#pragma GCC unroll 2
            for (int r = 0; r < 2; ++r) {
                const __m256i x = _mm256_set1_epi32(four(a + g * 4 * kPanel + (i + r) * 4));
                const __m256i size = _mm256_abs_epi8(x);
#pragma GCC unroll 4
                for (int q = 0; q < 4; ++q)
                    sum[r][q] = _mm256_add_epi32(
                        sum[r][q],
                        _mm256_madd_epi16(
                            _mm256_maddubs_epi16(size, _mm256_sign_epi8(key[q], x)), ones));
            }
        }
        for (int r = 0; r < 2; ++r)
            for (int q = 0; q < 4; ++q)
                _mm256_storeu_si256(reinterpret_cast<__m256i *>(out + (i + r) * kKeys + q * 8),
                                    sum[r][q]);
    }
}

// One instruction multiplies and sums bytes without a sign times bytes with one: keys are shifted
// by 128 by flipping their sign bit, and 128 times the sum of the row is taken off at the start.
__attribute__((target("avx512f,avx512bw,avx512vnni"))) void products_vnni(
    const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps, const int32_t *shift,
    int32_t *out) {
    const __m512i flip = _mm512_set1_epi8(static_cast<char>(0x80));
    __m512i sum[kRows][2];
#pragma GCC unroll 8
    for (int64_t i = 0; i < kRows; ++i) sum[i][0] = sum[i][1] = _mm512_set1_epi32(-shift[i]);
    for (int64_t g = 0; g < steps; ++g) {
        const int64_t at = g * 4 * kPanel;
        const __m512i left = _mm512_xor_si512(_mm512_loadu_si512(b + at), flip);
        const __m512i right = _mm512_xor_si512(_mm512_loadu_si512(c + at), flip);
#pragma GCC unroll 8
        for (int64_t i = 0; i < kRows; ++i) {
            const __m512i x = _mm512_set1_epi32(four(a + at + i * 4));
            sum[i][0] = _mm512_dpbusd_epi32(sum[i][0], left, x);
            sum[i][1] = _mm512_dpbusd_epi32(sum[i][1], right, x);
        }
    }
#pragma GCC unroll 8
    for (int64_t i = 0; i < kRows; ++i) {
        _mm512_storeu_si512(out + i * kKeys, sum[i][0]);
        _mm512_storeu_si512(out + i * kKeys + kPanel, sum[i][1]);
    }
}
#endif

}  // namespace

bool RowCodes::encode(int64_t first, int64_t last) {
    std::vector<int8_t> code(steps_ * 4, 0);
    for (int64_t i = first; i < last; ++i) {
        Measures found;
        encode_row(row(i), dim_, code.data(), &found);
        if (found.norm != 0.0 && !(found.norm >= kShortest && found.norm <= kLongest)) return false;
        scale[i] = found.step;
        size[i] = up(std::max(found.norm, found.kept));
        error[i] = up(found.lost);
        shift[i] = 128 * found.sum;
        int8_t *to = codes_.data() + i / kPanel * steps_ * 4 * kPanel + i % kPanel * 4;
        for (int64_t g = 0; g < steps_; ++g)
            std::memcpy(to + g * 4 * kPanel, code.data() + g * 4, 4);
    }
    return true;
}

Products named_products(const char *name) {
    if (!std::strcmp(name, "plain")) return products_plain;
#ifdef ISOGLOSS_X86
    if (!std::strcmp(name, "avx2") && __builtin_cpu_supports("avx2")) return products_avx2;
    if (!std::strcmp(name, "vnni") && __builtin_cpu_supports("avx512vnni") &&
        __builtin_cpu_supports("avx512bw"))
        return products_vnni;
#endif
    return nullptr;
}

Products best_products() {
    const Products vnni = named_products("vnni");
    return vnni ? vnni : named_products("avx2");
}

}  // namespace codes
