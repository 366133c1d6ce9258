/** The option of an argument: "maxLength" is set by "--max-length". */
export function optionName(argument: string): string {
  return `--${argument.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
