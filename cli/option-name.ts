/** The option of an argument: "maxLength" is set by "--max-length". */
export function optionName(argument: string): string {
  return `--${argument.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** The flags of those options that were given. `quotes` is true unless --no-quotes was. */
export function flagsGiven<Options extends object>(
  options: Options,
  names: readonly (keyof Options & string)[],
): string[] {
  return names.flatMap((name) => {
    if (name === "quotes") return options[name] === false ? ["--no-quotes"] : [];
    return options[name] === undefined ? [] : [optionName(name)];
  });
}
