import { describe, it } from "vitest";
import { tinyConfig } from "../support/tiny-albert.ts";
import { expectGradients } from "../support/differences.ts";
import { integers, normals } from "../support/random.ts";
import { elementCount } from "../../engine/shape.ts";
import { albertParameters } from "../../model/parameters.ts";
import { albert } from "./albert.ts";

describe("the reference model", () => {
  it("has gradients that are its loss's derivatives, for every weight", () => {
    const config = tinyConfig({
      vocab_size: 6,
      embedding_size: 3,
      hidden_size: 4,
      intermediate_size: 3,
      max_position_embeddings: 5,
      num_hidden_layers: 2,
      num_hidden_groups: 1,
      inner_group_num: 2,
      // Without a padding row: its gradient is left out on purpose, which differences would not.
      pad_token_id: 5,
    });
    const weights: Record<string, Float64Array> = {};
    const parts = Object.values(albertParameters(config)).flatMap((spec) => spec.parts);
    parts.forEach(({ name, shape }, i) => {
      weights[name] = Float64Array.from(normals(i, elementCount(shape), 0.7));
    });
    const texts = {
      ids: [integers(1, 4, 5), integers(2, 1, 5), integers(3, 5, 5)],
      labels: Uint32Array.of(0, 1, 1),
    };
    const run = (at: Readonly<Record<string, Float64Array>>) =>
      albert(new Map(Object.entries(at)), config, texts);
    expectGradients(
      "albert",
      weights,
      (at) => Float64Array.of(run(at).loss),
      (at, dy) =>
        Object.fromEntries(
          [...run(at).gradients].map(([name, grad]) => [name, grad.map((each) => each * dy[0]!)]),
        ),
    );
  });
});
