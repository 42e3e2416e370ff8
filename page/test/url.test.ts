import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { complaint, emptyAddress, readAddress, writeAddress, type Address } from "../src/state/url";

const number = fc.double({ min: -2, max: 2, noNaN: true }).map((v) => Number(v.toPrecision(5)) + 0);
const point = fc.tuple(number, number) as fc.Arbitrary<[number, number]>;
const id = fc.integer({ min: 0, max: 2 ** 40 });

const address: fc.Arbitrary<Address> = fc.record({
  place: fc.option(fc.record({ x: number, y: number, span: fc.double({ min: 0.001, max: 4, noNaN: true }).map((v) => Number(v.toPrecision(6))) })),
  colour: fc.option(fc.string({ minLength: 1, unit: "grapheme" })),
  isolated: fc.option(fc.array(fc.integer({ min: -2, max: 60 }), { minLength: 1 })),
  topic: fc.option(id),
  passage: fc.option(id),
  query: fc.string({ unit: "grapheme" }),
  mode: fc.constantFrom("hybrid", "vector", "text"),
  where: fc.string({ unit: "grapheme" }),
  polygon: fc.option(fc.array(point, { minLength: 3, maxLength: 40 })),
  theme: fc.constantFrom("auto", "light", "dark"),
  drawer: fc.constantFrom(null, "selection", "time"),
}) as fc.Arbitrary<Address>;

describe("the address", () => {
  it("comes back as it was written", () => {
    fc.assert(fc.property(address, (a) => {
        expect(readAddress(writeAddress(a))).toEqual(a);
      }),
    );
  });

  it("is empty when there is nothing to say", () => {
    expect(writeAddress(emptyAddress())).toBe("");
    expect(readAddress("")).toEqual(emptyAddress());
  });

  it("says what of it cannot be read", () => {
    expect(complaint("#lasso=1,2;3&topic=7")).toMatch(/area drawn/);
    expect(complaint("#topic=-4&passage=x")).toMatch(/topic and the passage/);
    expect(complaint("#lasso=0,0;1,0;0,1&topic=7&passage=2")).toBeNull();
  });

  it("is not broken by what others type", () => {
    fc.assert(fc.property(fc.string(), (text) => void readAddress(`#${text}`)));
    const odd = readAddress("#at=1,x,2&lasso=1,2;3&topic=-4&passage=1e9&theme=pink&only=a&mode=fast&show=all");
    expect(odd).toEqual(emptyAddress());
  });
});
