import { expect, it } from "vitest";
import { sparkline } from "../../../cli/report/text.ts";

it("a sparkline goes from the lowest to the highest block, a column for each value while there is room", () => {
  expect(sparkline([0, 1, 2, 3, 4, 5, 6, 7])).toBe("▁▂▃▄▅▆▇█");
  expect(sparkline([3, 3])).toBe("▁▁");
  const long = sparkline(Array.from({ length: 1003 }, (_, i) => -i));
  expect(long).toHaveLength(40);
  expect([long.at(0), long.at(-1)]).toEqual(["█", "▁"]);
});
