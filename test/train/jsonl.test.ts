import { describe, expect, it } from "vitest";
import { loadExamples, readTable } from "../../train/dataset.ts";
import { readRows } from "../../train/csv.ts";
import { collect, inPieces } from "../support/pieces.ts";

const source = (content: string | Uint8Array, bytes?: number, name = "data.jsonl") => ({
  name,
  chunks: inPieces(content, bytes),
});
const rowsOf = async (content: string | Uint8Array, bytes?: number) =>
  (await collect(readTable(source(content, bytes)))).map(({ row }) => row);

describe("JSON lines", () => {
  const lines = [
    '{"text":"a, \\"b\\"\\nc","label":0,"ok":true}',
    "",
    '{"label":1,"text":"ü😀","further":[1]}\r',
    '{"text":null,"label":"x","ok":false}',
  ].join("\n");

  it.each([1, 3, 1000])("are rows like a CSV file's, in pieces of %i bytes", async (bytes) => {
    expect(await rowsOf(`\uFEFF${lines}`, bytes)).toEqual([
      { text: 'a, "b"\nc', label: "0", ok: "true" },
      { text: "ü😀", label: "1" },
      { text: "", label: "x", ok: "false" },
    ]);
    const all = await collect(readTable(source(lines)));
    expect(all.map(({ record, line }) => [record, line])).toEqual([
      [1, 1],
      [2, 3],
      [3, 4],
    ]);
  });

  it("load as examples by the file's name", async () => {
    const { examples, labels } = await loadExamples(
      source('{"text":"a","label":"spam"}\n{"text":"b","label":"ham"}\n'),
    );
    expect(labels.names).toEqual(["ham", "spam"]);
    expect(examples).toEqual([
      { text: "a", label: 1 },
      { text: "b", label: 0 },
    ]);
  });

  it("keep all digits of ids that a double would round, and leave texts alone", async () => {
    const text = 'as "12345678901234567890" says, 9007199254740993';
    const line = `{"id":1264567890123456789,"less":-9007199254740993,"text":${JSON.stringify(text)},"part":0.12345678901234567}`;
    expect(await rowsOf(line)).toEqual([
      { id: "1264567890123456789", less: "-9007199254740993", text, part: "0.12345678901234566" },
    ]);
  });

  it("may be called .json", async () => {
    const rows = await collect(readTable(source('{"text":"a"}', 5, "data.json")));
    expect(rows.map(({ row }) => row)).toEqual([{ text: "a" }]);
  });

  it.each([
    [
      '{"text":"a"}\n{"text":',
      'data.jsonl, record 2 (line 2): must be a JSON object; got {"text":.',
    ],
    ["[1,2]\n", "data.jsonl, record 1 (line 1): must be a JSON object; got [1,2]."],
    ['[\n{"text":"a"}\n]', "got [. Write each object on a line of its own."],
    ['[{"text":"a"}]', 'got [{"text":"a"}]. Write an object a line, not an array.'],
    ["\n3", "data.jsonl, record 1 (line 2): must be a JSON object; got 3."],
    ['{"text":{"a":1}}', '"text" must be a string or a number; got {"a":1}.'],
    ['{"text":"a\\u0000"}', '"text" must be text; got a NUL character.'],
    ["\n\n", "data.jsonl: must hold JSON lines; got an empty file."],
    [Buffer.from('{"text":"\xff"}\n', "latin1"), "must be UTF-8"],
  ])("are refused with their place: %j", async (content, message) => {
    await expect(rowsOf(content)).rejects.toThrow(message);
  });
});

describe("files that are no RFC 4180 files", () => {
  const read = (content: string, format: object) =>
    collect(readRows({ name: "raw.tsv", chunks: inPieces(content, 5) }, format));

  it("keep stray quotes without quoting", async () => {
    const rows = await read('id\ttext\n1\t"so\n2\tit "is" \n3\t"a"\n', {
      delimiter: "\t",
      quotes: false,
    });
    expect(rows.map(({ row }) => row.text)).toEqual(['"so', 'it "is" ', '"a"']);
  });

  it("start with data where the columns are named", async () => {
    const rows = await read("1\ta\n2\tb\n", { delimiter: "\t", columns: ["id", "text"] });
    expect(rows.map(({ row, record, line }) => ({ ...row, record, line }))).toEqual([
      { id: "1", text: "a", record: 1, line: 1 },
      { id: "2", text: "b", record: 2, line: 2 },
    ]);
    await expect(read("1,2,3\n", { columns: ["a", "b"] })).rejects.toThrow(
      "raw.tsv, record 1 (line 1): must have 2 cells like the header; got 3",
    );
    await expect(read("1,2\n", { columns: ["a", "a"] })).rejects.toThrow('got "a" twice');
    await expect(read("", { columns: ["a", "b"] })).rejects.toThrow("got an empty file");
  });
});
