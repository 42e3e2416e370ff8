// The second weighing of the lexical encoder: each row is weighed again by how it agrees with the
// first sum of its text, and the rows are summed once more.
//
// Sums become 8-bit codes, are turned by a matrix of codes, and that again becomes codes: products
// are whole numbers, exact. The gate is one product and one sum of floats. So a text has the same
// bits in any batch and on every processor.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "coded_layer.h"
#include "network.h"
#include "table_rows.h"

namespace network {

// How much of a row counts. `agreement` is its product with the turned sum; the gate is hard, so
// that no processor's exp is needed.
inline float gate(float agreement, float rest) {
    return std::min(std::max(agreement + rest, 0.0f), 2.0f);
}

// The matrix that sums are turned by (width, width), and what a gate is where nothing agrees.
struct Weighing {
    Weighing(const int8_t *codes, const float *step, size_t width, float rest,
             const codes::Kernel &kernel)
        : turn(codes, step, width, width), rest(rest), kernel(kernel) {}

    CodedLayer turn;
    float rest;
    const codes::Kernel &kernel;
};

// Weighs texts again, a few at a time: their rows are still in the caches then.
class Reweigher {
  public:
    static constexpr size_t kTexts = 16, kFeatures = 1024;

    Reweigher(const Weighing &by, const int8_t *table, const float *scale)
        : by_(by), table_(table), scale_(scale), width_(by.turn.rows()),
          shared_(kTexts * width_), codes_(kTexts, width_), code_(width_), with_(width_),
          whole_(by.turn.panels() * codes::kPanel) {
        ends_.reserve(kTexts);
    }

    // Takes the next text: its rows by the weight in the first sum.
    void add(const std::vector<rows::Feature> &found) {
        held_.insert(held_.end(), found.begin(), found.end());
        ends_.push_back(held_.size());
    }

    bool full() const { return ends_.size() == kTexts || held_.size() >= kFeatures; }
    size_t texts() const { return ends_.size(); }

    // Puts second sums in the place of the first ones of all texts taken since the last time.
    void flush(float *sums) {
        const size_t texts = ends_.size();
        turn(sums, texts);
        for (size_t i = 0, first = 0; i < texts; first = ends_[i++])
            again(held_.data() + first, ends_[i] - first, i, sums + i * width_);
        held_.clear();
        ends_.clear();
    }

  private:
    const Weighing &by_;
    const int8_t *table_;
    const float *scale_;
    size_t width_;
    std::vector<rows::Feature> held_;
    std::vector<size_t> ends_;
    std::vector<float> shared_;
    CodedRows codes_;
    std::vector<int8_t> code_;
    std::vector<int16_t> with_;
    std::vector<int32_t> whole_, products_;

    void turn(const float *sums, size_t texts) {
        static constexpr float kOne[kTexts] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        codes_.set(sums, texts, width_);
        multiply(by_.kernel, by_.turn, codes_, texts, whole_.data(),
                 [&](size_t row, size_t many, size_t column, const int32_t *products) {
                     if (column < width_)
                         place_sums(products, many, std::min<size_t>(codes::kKeys, width_ - column),
                                    kOne, by_.turn.step() + column,
                                    shared_.data() + row * width_ + column, width_);
                 });
    }

    // A sum's length is that of its codes, so that its own step falls out.
    void again(rows::Feature *found, size_t count, size_t text, float *sum) {
        RowCode turned;
        code_row(shared_.data() + text * width_, width_, code_.data(), &turned);
        const int32_t square = codes_.square(text);
        const float step =
            square ? turned.step / std::sqrt(static_cast<float>(square)) : 0.0f;
        std::copy_n(code_.data(), width_, with_.data());
        products_.resize(std::max(count, products_.size()));
        rows::row_products(found, count, table_, width_, with_.data(), products_.data());
        bool any = false;
        for (size_t i = 0; i < count; ++i) {
            const float one = scale_[found[i].number] * step;
            const float now = gate(static_cast<float>(products_[i]) * one, by_.rest);
            any |= now > 0.0f;
            found[i].weight *= now;
        }
        // Where every gate is shut, the first sum stays: words are never nothing.
        if (any) rows::sum_rows(found, count, table_, width_, sum);
    }
};

}  // namespace network
