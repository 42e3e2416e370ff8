// The second weighing of the lexical encoder: each row is weighed again by how it agrees with the
// first sum of its text, and the rows are summed once more.
//
// Amounts of rows become codes of 14 bits, sums become 8-bit codes, are turned by a matrix of codes,
// and that again becomes codes: products and sums are whole numbers, exact. The gate is one product
// and one sum of floats. So a text has the same bits in any batch and on every processor.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "coded_layer.h"
#include "network.h"
#include "table_rows.h"

namespace network {

// How much of a row counts. `agreement` is its product with the turned sum; the gate is hard, so
// that no processor's exp is needed.
inline float gate(float agreement, float rest) {
    const float now = agreement + rest;
    return now > 0.0f ? std::min(now, 2.0f) : 0.0f;
}

// The matrix that sums are turned by (width, width), and what a gate is where nothing agrees.
struct Weighing {
    Weighing(const int8_t *codes, const float *step, size_t width, float rest,
             const codes::Kernel &kernel)
        : turn(codes, step, width, width), rest(rest), kernel(kernel),
          sum(rows::sum_for(kernel.name)) {}

    CodedLayer turn;
    float rest;
    const codes::Kernel &kernel;
    rows::Sum sum;
};

// Sums and weighs the rows of texts, a few texts at a time: the matrix is read once for all, and
// rows are still in the caches the second time.
class Weigher {
  public:
    static constexpr size_t kTexts = 16, kRows = 1024;

    // `texts` is how many will be added at most.
    Weigher(const Weighing &by, const int8_t *table, const float *scale, size_t texts)
        : by_(by), table_(table), scale_(scale), width_(by.turn.rows()),
          room_(std::min(texts, kTexts)), shared_(new float[room_ * width_]),
          codes_(room_, width_), code_(width_), with_(width_),
          whole_(by.turn.panels() * codes::kPanel), part_(width_) {}

    // Takes the next text, features by the amounts of their rows, and sums it into `out`.
    void add(const std::vector<rows::Feature> &found, float *out) {
        const size_t first = held_.size();
        held_.insert(held_.end(), found.begin(), found.end());
        for (const rows::Feature &one : found)
            row_.push_back(table_ + static_cast<size_t>(one.number) * width_);
        ends_.push_back(held_.size());
        sum(first, held_.size(), out);
    }

    bool full() const { return ends_.size() == room_ || held_.size() >= kRows; }
    size_t texts() const { return ends_.size(); }

    // Puts second sums in the place of the first ones of all texts taken since the last time.
    void flush(float *sums) {
        const size_t texts = ends_.size();
        turn(sums, texts);
        for (size_t i = 0, first = 0; i < texts; first = ends_[i++])
            if (weigh(first, ends_[i], i)) sum(first, ends_[i], sums + i * width_);
        held_.clear();
        row_.clear();
        ends_.clear();
    }

  private:
    const Weighing &by_;
    const int8_t *table_;
    const float *scale_;
    size_t width_, room_;
    std::unique_ptr<float[]> shared_;
    std::vector<rows::Feature> held_;
    std::vector<const int8_t *> row_;  // of the features
    std::vector<size_t> ends_;
    CodedRows codes_;
    std::vector<int8_t> code_;
    std::vector<int16_t> with_;
    std::vector<int32_t> whole_, products_, part_;
    std::vector<int64_t> total_;
    std::vector<const int8_t *> block_;
    std::vector<uint32_t> high_, low_;

    // Sums rows by amounts that are whole steps of the largest one, rounded to even.
    void sum(size_t first, size_t last, float *out) {
        constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: floats beside it are whole numbers
        constexpr size_t kBlock = rows::kMostRows;
        float largest = 0.0f;
        for (size_t i = first; i < last; ++i) largest = std::max(largest, held_[i].weight);
        if (!(largest >= 1e-30f && largest <= 3.4028235e38f)) {
            std::fill_n(out, width_, 0.0f);
            return;
        }
        const float step = largest / static_cast<float>(rows::kMostAmount);
        const float inverse = static_cast<float>(rows::kMostAmount) / largest;
        const bool one = last - first <= kBlock;
        if (!one) total_.assign(width_, 0);
        for (size_t from = first; from < last; from += kBlock) {
            const size_t many = std::min(kBlock, last - from), groups = (many + 3) / 4;
            high_.assign(groups, 0);
            low_.assign(groups, 0);
            for (size_t i = 0; i < many; ++i) {
                const float whole = held_[from + i].weight * inverse + kRound;
                uint32_t amount;
                std::memcpy(&amount, &whole, sizeof(amount));
                amount -= 0x4b400000;
                high_[i / 4] |= amount >> 7 << 8 * (i % 4);
                low_[i / 4] |= (amount & 127) << 8 * (i % 4);
            }
            const int8_t *const *row = row_.data() + from;
            if (many % 4) {  // the last four are filled up with rows that count nothing
                block_.assign(row, row + many);
                block_.resize(4 * groups, row[0]);
                row = block_.data();
            }
            by_.sum(row, high_.data(), low_.data(), groups, width_, part_.data());
            if (!one)
                for (size_t j = 0; j < width_; ++j) total_[j] += part_[j];
        }
        for (size_t j = 0; j < width_; ++j)
            out[j] = (one ? static_cast<float>(part_[j]) : static_cast<float>(total_[j])) * step;
    }

    void turn(const float *sums, size_t texts) {
        static constexpr float kOne[kTexts] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
        codes_.set(sums, texts, width_);
        multiply(by_.kernel, by_.turn, codes_, texts, whole_.data(),
                 [&](size_t row, size_t many, size_t column, const int32_t *products) {
                     if (column < width_)
                         place_sums(products, many, std::min<size_t>(codes::kKeys, width_ - column),
                                    kOne, by_.turn.step() + column,
                                    shared_.get() + row * width_ + column, width_);
                 });
    }

    // Multiplies amounts with their gates; false where every gate is shut: then the first sum
    // stays, since words are never nothing. A sum's length is that of its codes, so that its own
    // step falls out.
    bool weigh(size_t first, size_t last, size_t text) {
        const size_t count = last - first;
        RowCode turned;
        code_row(shared_.get() + text * width_, width_, code_.data(), &turned);
        const int32_t square = codes_.square(text);
        const float step =
            square ? turned.step / std::sqrt(static_cast<float>(square)) : 0.0f;
        std::copy_n(code_.data(), width_, with_.data());
        products_.resize(std::max(count, products_.size()));
        rows::row_products(row_.data() + first, count, width_, with_.data(), products_.data());
        bool any = false;
        for (size_t i = 0; i < count; ++i) {
            rows::Feature &one = held_[first + i];
            const float now = gate(
                static_cast<float>(products_[i]) * (scale_[one.number] * step), by_.rest);
            any |= now > 0.0f;
            one.weight *= now;
        }
        return any;
    }
};

}  // namespace network
