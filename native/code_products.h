// Products of rows of 8-bit codes, the same integers on every processor.
//
// Rows lie in panels of 16: four places of each row, then the next four of each. Codes stay within
// 127, so that sums of two products fit 16 bits and none is ever cut off.
#pragma once
#include <cstdint>
#include <cstring>

namespace codes {

constexpr int64_t kPanel = 16;                    // rows of a panel
constexpr int64_t kRows = 8, kKeys = 2 * kPanel;  // rows and keys of one product
constexpr int64_t kWide = 4;                      // panels that one row takes at a time
constexpr int64_t kMostPlaces = 1 << 15;          // sums of so many products fit 32 bits

// Eight rows of one panel (`a` points at the first) times all rows of two panels: out is (8, 32).
// `shift` holds 128 times the sum of each of the eight rows.
using Products = void (*)(const int8_t *a, const int8_t *b, const int8_t *c, int64_t steps,
                          const int32_t *shift, int32_t *out);
// One row times all rows of `count` panels side by side, a multiple of four: out is (count * 16).
using RowProducts = void (*)(const int8_t *a, const int8_t *panels, int64_t count, int64_t steps,
                             int32_t shift, int32_t *out);

struct Kernel {
    const char *name;
    bool quick;  // quicker than products of floats
    Products eight;
    RowProducts one;
};

// Kernels that this processor has, the quickest first, by number; null behind the last.
const Kernel *kernel_at(int number);
// The kernel of a name, the quickest where the name is empty; null where this processor lacks it.
const Kernel *kernel_named(const char *name);

}  // namespace codes
