// Units. The server compares in °C and floors what it shows; where a page has only °C it floors the same way.

/** A figure with the decimal sign of the page's language. */
export function decimal(figure: string): string {
  return document.documentElement.lang === "fr" ? figure.replace(".", ",") : figure;
}

/** The unit a person reads. */
export type Unit = "celsius" | "fahrenheit";

/** The unit's sign. */
export function sign(unit: Unit): string {
  return unit === "fahrenheit" ? "°F" : "°C";
}

/** A position on the shown scale (axes and curves only, never a printed value). */
export function onScale(celsius: number, unit: Unit): number {
  return unit === "fahrenheit" ? celsius * 1.8 + 32 : celsius;
}

/** One decimal, floored in the shown unit, in whole thousandths so that 40.0 appears exactly at 40.0. */
export function floored(celsius: number, unit: Unit): string {
  const thousandths = Math.round(celsius * 1000);
  const tenths =
    unit === "fahrenheit" ? Math.floor((thousandths * 9 + 160_000) / 500) : Math.floor(thousandths / 100);
  return decimal((tenths / 10).toFixed(1));
}

/** The band a value belongs to. */
export function bandOf(celsius: number, watch = 39, critical = 40): "normal" | "watch" | "critical" {
  if (celsius >= critical) return "critical";
  return celsius >= watch ? "watch" : "normal";
}
