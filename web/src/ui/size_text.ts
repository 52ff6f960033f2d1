/** Bytes of files, in powers of ten as shops and browsers count them: "12 MB", "1.3 GB", as the language writes it. */
export function sizeText(bytes: number, language: string): string {
  const [unit, value] = bytes < 1e9 ? ["megabyte", bytes / 1e6] : ["gigabyte", bytes / 1e9];
  const format = { style: "unit", unit, maximumFractionDigits: value < 10 ? 1 : 0 } as const;
  return new Intl.NumberFormat(language, format).format(value);
}
