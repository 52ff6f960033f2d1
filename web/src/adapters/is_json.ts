/** Whether a text is JSON: the arguments of a call that broke off never are. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
