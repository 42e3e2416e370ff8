// The map: attraction along edges, a field of repulsion on a grid, and the placing of single rows.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace nb = nanobind;

namespace {

using Starts = nb::ndarray<const int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Columns = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Values = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Near = nb::ndarray<const int32_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using OutRows = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Fields = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

// Gaussian weights of each row's neighbours whose entropy is the logarithm of `perplexity`.
void map_weights(Rows squares, double perplexity, int64_t first, int64_t last, OutRows out) {
    const auto n = static_cast<int64_t>(squares.shape(0)), k = static_cast<int64_t>(squares.shape(1));
    if (out.shape(0) != squares.shape(0) || out.shape(1) != squares.shape(1) || first < 0 ||
        last > n || first > last)
        throw nb::value_error("map_weights: shapes differ");
    nb::gil_scoped_release unlocked;
    for (int64_t i = first; i < last; ++i) {
        const float *d = squares.data() + i * k;
        float *w = out.data() + i * k;
        double least = INFINITY;
        int64_t held = 0;
        for (int64_t j = 0; j < k; ++j)
            if (std::isfinite(d[j])) {
                least = std::min(least, static_cast<double>(d[j]));
                ++held;
            }
        const double wanted = std::log(std::min(perplexity, std::max(1.0, 0.7 * held)));
        double low = 0.0, high = INFINITY, beta = 1.0;
        double total = 0.0;
        for (int step = 0; step < 40; ++step) {
            total = 0.0;
            double mean = 0.0;
            for (int64_t j = 0; j < k; ++j) {
                const double away = static_cast<double>(d[j]) - least;
                const double value = std::isfinite(d[j]) ? std::exp(-beta * away) : 0.0;
                w[j] = static_cast<float>(value);
                total += value;
                if (value > 0.0) mean += value * away;
            }
            if (held == 0) break;
            const double entropy = std::log(total) + beta * mean / total;
            if (std::abs(entropy - wanted) < 1e-4) break;
            if (entropy > wanted) low = beta; else high = beta;
            beta = std::isinf(high) ? beta * 4.0 : 0.5 * (low + high);
            if (beta > 1e9) break;
        }
        for (int64_t j = 0; j < k; ++j)
            w[j] = total > 0.0 ? static_cast<float>(w[j] / total) : 0.0f;
    }
}

// out[i] = sum over edges of weight * (place[j] - place[i]) / (1 + distance^2).
void map_attract(Starts start, Columns target, Values weight, Rows place, int64_t first,
                 int64_t last, OutRows out) {
    const auto n = static_cast<int64_t>(start.shape(0)) - 1;
    if (place.shape(0) != static_cast<size_t>(n) || place.shape(1) != 2 || out.shape(1) != 2 ||
        out.shape(0) != place.shape(0) || target.shape(0) != weight.shape(0) || first < 0 ||
        last > n || first > last)
        throw nb::value_error("map_attract: shapes differ");
    nb::gil_scoped_release unlocked;
    const float *y = place.data();
    for (int64_t i = first; i < last; ++i) {
        const float x0 = y[2 * i], y0 = y[2 * i + 1];
        float fx = 0.0f, fy = 0.0f;
        for (int64_t e = start.data()[i]; e < start.data()[i + 1]; ++e) {
            const int64_t j = target.data()[e];
            const float dx = y[2 * j] - x0, dy = y[2 * j + 1] - y0;
            const float pull = weight.data()[e] / (1.0f + dx * dx + dy * dy);
            fx += pull * dx;
            fy += pull * dy;
        }
        out.data()[2 * i] = fx;
        out.data()[2 * i + 1] = fy;
    }
}

// A square grid of nodes, and cubic interpolation (Lagrange) between them.
struct Grid {
    float left, bottom, per_unit;
    int64_t height, width;

    // Weights of the four nodes around a place in one direction; gives the first node.
    static int64_t weights(float at, int64_t nodes, float *w) {
        at = std::min(std::max(at, 1.0f), static_cast<float>(nodes) - 2.001f);
        const auto cell = static_cast<int64_t>(at);
        const float t = at - static_cast<float>(cell);
        w[0] = -t * (t - 1.0f) * (t - 2.0f) / 6.0f;
        w[1] = (t + 1.0f) * (t - 1.0f) * (t - 2.0f) / 2.0f;
        w[2] = -(t + 1.0f) * t * (t - 2.0f) / 2.0f;
        w[3] = (t + 1.0f) * t * (t - 1.0f) / 6.0f;
        return cell - 1;
    }

    int64_t around(float x, float y, float *wx, float *wy) const {
        const int64_t column = weights((x - left) * per_unit, width, wx);
        const int64_t row = weights((y - bottom) * per_unit, height, wy);
        return row * width + column;
    }
};

// Adds a charge of 1 for each place to the nodes around it; one thread, so that sums have one order.
void map_charge(Rows place, double left, double bottom, double per_unit, OutRows grid) {
    const Grid g{static_cast<float>(left), static_cast<float>(bottom), static_cast<float>(per_unit),
                 static_cast<int64_t>(grid.shape(0)), static_cast<int64_t>(grid.shape(1))};
    if (place.shape(1) != 2 || g.height < 4 || g.width < 4)
        throw nb::value_error("map_charge: places are pairs, a grid has 4 nodes a side");
    nb::gil_scoped_release unlocked;
    const auto n = static_cast<int64_t>(place.shape(0));
    float wx[4], wy[4];
    for (int64_t i = 0; i < n; ++i) {
        const int64_t corner = g.around(place.data()[2 * i], place.data()[2 * i + 1], wx, wy);
        for (int64_t r = 0; r < 4; ++r) {
            float *line = grid.data() + corner + r * g.width;
            for (int64_t c = 0; c < 4; ++c) line[c] += wy[r] * wx[c];
        }
    }
}

inline void read_fields(const Fields &fields, const Grid &g, float x, float y, float *out) {
    float wx[4], wy[4];
    const int64_t corner = g.around(x, y, wx, wy);
    const int64_t area = g.height * g.width;
    for (int64_t f = 0; f < 3; ++f) {
        float sum = 0.0f;
        for (int64_t r = 0; r < 4; ++r) {
            const float *line = fields.data() + f * area + corner + r * g.width;
            sum += wy[r] * (wx[0] * line[0] + wx[1] * line[1] + wx[2] * line[2] + wx[3] * line[3]);
        }
        out[f] = sum;
    }
}

// out[i] = the three fields at each place.
void map_fields(Rows place, double left, double bottom, double per_unit, Fields fields,
                int64_t first, int64_t last, OutRows out) {
    const Grid g{static_cast<float>(left), static_cast<float>(bottom), static_cast<float>(per_unit),
                 static_cast<int64_t>(fields.shape(1)), static_cast<int64_t>(fields.shape(2))};
    if (place.shape(1) != 2 || fields.shape(0) != 3 || out.shape(1) != 3 ||
        out.shape(0) != place.shape(0) || g.height < 4 || g.width < 4 || first < 0 ||
        last > static_cast<int64_t>(place.shape(0)) || first > last)
        throw nb::value_error("map_fields: shapes differ");
    nb::gil_scoped_release unlocked;
    for (int64_t i = first; i < last; ++i)
        read_fields(fields, g, place.data()[2 * i], place.data()[2 * i + 1], out.data() + 3 * i);
}

// Places each row among fixed ones: begins at the neighbour that has most of the others near, and
// walks to where their pull and the push of the field are even.
void map_place(Near near, Rows weight, Rows anchor, double left, double bottom, double per_unit,
               Fields fields, double push, int64_t steps, int64_t first, int64_t last,
               OutRows out) {
    const auto n = static_cast<int64_t>(near.shape(0)), k = static_cast<int64_t>(near.shape(1));
    const auto anchors = static_cast<int64_t>(anchor.shape(0));
    const Grid g{static_cast<float>(left), static_cast<float>(bottom), static_cast<float>(per_unit),
                 static_cast<int64_t>(fields.shape(1)), static_cast<int64_t>(fields.shape(2))};
    if (weight.shape(0) != near.shape(0) || weight.shape(1) != near.shape(1) ||
        anchor.shape(1) != 2 || fields.shape(0) != 3 || out.shape(1) != 2 ||
        out.shape(0) != near.shape(0) || g.height < 4 || g.width < 4 || first < 0 || last > n ||
        first > last)
        throw nb::value_error("map_place: shapes differ");
    for (int64_t p = first * k; p < last * k; ++p)
        if (near.data()[p] >= anchors) throw nb::value_error("map_place: no such anchor");
    nb::gil_scoped_release unlocked;
    const float *a = anchor.data();
    for (int64_t i = first; i < last; ++i) {
        const int32_t *own = near.data() + i * k;
        const float *w = weight.data() + i * k;
        float best = -1.0f, x = 0.0f, y = 0.0f;
        for (int64_t s = 0; s < k; ++s) {
            if (own[s] < 0) continue;
            const float sx = a[2 * own[s]], sy = a[2 * own[s] + 1];
            float support = 0.0f;
            for (int64_t j = 0; j < k; ++j) {
                if (own[j] < 0) continue;
                const float dx = a[2 * own[j]] - sx, dy = a[2 * own[j] + 1] - sy;
                support += w[j] / (1.0f + dx * dx + dy * dy);
            }
            if (support > best) {
                best = support;
                x = sx;
                y = sy;
            }
        }
        for (int64_t step = 0; step < steps; ++step) {
            float fx = 0.0f, fy = 0.0f, total = 0.0f, field[3];
            for (int64_t j = 0; j < k; ++j) {
                if (own[j] < 0) continue;
                const float dx = a[2 * own[j]] - x, dy = a[2 * own[j] + 1] - y;
                const float pull = w[j] / (1.0f + dx * dx + dy * dy);
                fx += pull * dx;
                fy += pull * dy;
                total += pull;
            }
            if (total <= 0.0f) break;
            read_fields(fields, g, x, y, field);
            fx = (fx + static_cast<float>(push) * field[1]) / total * 0.5f;
            fy = (fy + static_cast<float>(push) * field[2]) / total * 0.5f;
            const float length = std::sqrt(fx * fx + fy * fy);
            const float most = 1.0f;
            const float cut = length > most ? most / length : 1.0f;
            x += cut * fx;
            y += cut * fy;
        }
        out.data()[2 * i] = x;
        out.data()[2 * i + 1] = y;
    }
}

}  // namespace

void bind_layout(nb::module_ &m) {
    m.def("map_weights", &map_weights, nb::arg("squares"), nb::arg("perplexity"), nb::arg("first"),
          nb::arg("last"), nb::arg("out").noconvert(),
          "Gaussian weights of a perplexity from squared distances, into `out`.");
    m.def("map_attract", &map_attract, nb::arg("start"), nb::arg("target"), nb::arg("weight"),
          nb::arg("place"), nb::arg("first"), nb::arg("last"), nb::arg("out").noconvert(),
          "Attraction of places along weighted edges, into `out`.");
    m.def("map_charge", &map_charge, nb::arg("place"), nb::arg("left"), nb::arg("bottom"),
          nb::arg("per_unit"), nb::arg("grid").noconvert(),
          "Add a charge of 1 for each place to a grid.");
    m.def("map_fields", &map_fields, nb::arg("place"), nb::arg("left"), nb::arg("bottom"),
          nb::arg("per_unit"), nb::arg("fields"), nb::arg("first"), nb::arg("last"),
          nb::arg("out").noconvert(), "Read three fields at places, into `out`.");
    m.def("map_place", &map_place, nb::arg("near"), nb::arg("weight"), nb::arg("anchor"),
          nb::arg("left"), nb::arg("bottom"), nb::arg("per_unit"), nb::arg("fields"),
          nb::arg("push"), nb::arg("steps"), nb::arg("first"), nb::arg("last"),
          nb::arg("out").noconvert(), "Place rows among fixed ones, into `out`.");
}
