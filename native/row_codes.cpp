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

}  // namespace codes
