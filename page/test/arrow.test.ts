import { bool, float32, int32, tableFromArrays, tableToIPC, uint16, uint32 } from "@uwdata/flechette";
import { describe, expect, it } from "vitest";
import { readPassing, readPoints, readValues } from "../src/data/arrow";

const stream = (columns: Record<string, unknown>, types: Record<string, never>): ArrayBuffer => {
  const bytes = tableToIPC(tableFromArrays(columns as never, { types }), { format: "stream" })!;
  return bytes.slice().buffer as ArrayBuffer;
};

describe("Arrow streams", () => {
  it("give points as plain arrays", () => {
    const types = { x: uint16(), y: uint16(), passage: uint32(), topic: int32() } as never;
    const points = readPoints(stream({ x: [0, 65535], y: [1, 2], passage: [7, 4_000_000_000], topic: [-1, 3] }, types));
    expect(points.x).toEqual(Uint16Array.of(0, 65535));
    expect(points.passage).toEqual(Uint32Array.of(7, 4_000_000_000));
    expect(points.topic).toEqual(Int32Array.of(-1, 3));
  });

  it("say what is missing", () => {
    expect(() => readPoints(stream({ x: [1] }, { x: uint16() } as never))).toThrow("column y");
    expect(() => readPoints(new ArrayBuffer(0))).toThrow();
  });

  it("give values and filters", () => {
    expect(readValues(stream({ value: [0, -2, 5] }, { value: int32() } as never))).toEqual(Int32Array.of(0, -2, 5));
    const numbers = readValues(stream({ value: [0.5, NaN] }, { value: float32() } as never));
    expect(numbers).toEqual(Float32Array.of(0.5, NaN));
    const holes = readValues(stream({ value: [0.25, null] }, { value: float32() } as never));
    expect(holes).toEqual(Float32Array.of(0.25, NaN));
    const passing = Array.from({ length: 19 }, (_, i) => i % 3 === 0);
    expect([...readPassing(stream({ passing }, { passing: bool() } as never))]).toEqual(passing.map(Number));
  });
});
