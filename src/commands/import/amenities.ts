/**
 * Says which amenity of our catalogue (sql/listings/data/amenities.sql) an amenity of Inside Airbnb
 * is. Hosts there write brands, sizes and conditions into the names, so this compares what is left
 * without them. What the catalogue has no word for has no code; nothing is guessed.
 */

/** Names as `normalise` leaves them, for each code of the catalogue. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  air_conditioning: ["air conditioning", "ac", "central air conditioning"],
  balcony: ["patio or balcony", "balcony"],
  bathtub: ["bathtub"],
  bbq_grill: ["bbq grill", "barbecue grill"],
  beach_access: ["beach access", "beachfront"],
  bed_linens: ["bed linens"],
  breakfast: ["breakfast", "complimentary breakfast"],
  carbon_monoxide_alarm: ["carbon monoxide alarm", "carbon monoxide detector"],
  coffee_maker: ["coffee maker", "nespresso machine", "keurig coffee machine", "espresso machine"],
  cot: ["crib", "travel crib", "pack 'n play/travel crib"],
  crib_toys: [],
  dedicated_workspace: [
    "dedicated workspace",
    "laptop-friendly workspace",
    "laptop friendly workspace",
  ],
  dishwasher: ["dishwasher"],
  dryer: ["dryer", "free dryer", "paid dryer"],
  elevator: ["elevator", "elevator in building"],
  essentials: ["essentials"],
  ev_charger: ["ev charger"],
  fire_extinguisher: ["fire extinguisher"],
  first_aid_kit: ["first aid kit"],
  free_parking: [],
  garden: ["backyard", "garden", "garden or backyard"],
  gym: ["gym", "gym in building", "fitness center"],
  hair_dryer: ["hair dryer"],
  hangers: ["hangers"],
  heating: ["heating", "central heating", "radiant heating", "portable heater"],
  hot_tub: ["hot tub", "jacuzzi"],
  hot_water: ["hot water"],
  indoor_fireplace: ["indoor fireplace"],
  iron: ["iron"],
  kitchen: ["kitchen", "full kitchen"],
  lockbox: ["lockbox"],
  long_term_stays: ["long term stays allowed", "long-term stays allowed"],
  luggage_dropoff: ["luggage dropoff allowed", "luggage drop-off allowed"],
  microwave: ["microwave"],
  oven: ["oven"],
  paid_parking: [],
  pets_allowed: ["pets allowed"],
  pool: ["pool"],
  private_entrance: ["private entrance"],
  refrigerator: ["refrigerator", "mini fridge", "fridge"],
  self_check_in: ["self check-in"],
  shampoo: ["shampoo"],
  smoke_alarm: ["smoke alarm", "smoke detector"],
  smoking_allowed: ["smoking allowed"],
  step_free_access: [
    "step-free access",
    "step-free guest entrance",
    "no stairs or steps to enter",
    "wheelchair accessible",
  ],
  tv: ["tv", "hdtv", "cable tv"],
  washer: ["washer", "free washer", "paid washer", "washing machine"],
  waterfront: ["waterfront", "beachfront"],
  wifi: ["wifi", "pocket wifi", "fast wifi", "wireless internet"],
};

/** Shapes of names with something of the host's own in them: a brand, a size, an age. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/^(window|portable|split[ -]type) (ac unit|ac|air conditioning)$/, "air_conditioning"],
  [/^(\d+(\.\d+)?(" ?| inch ))?(hd ?)?tv\b(?! stand)/, "tv"],
  [/\bwifi$/, "wifi"],
  [/^free .*\bon premises$/, "free_parking"],
  [/^free parking\b(?!.*\b(street|off premises)\b)/, "free_parking"],
  [/^paid .*\bparking\b/, "paid_parking"],
  [/^(indoor |outdoor |rooftop |infinity |heated |saltwater )+pool$/, "pool"],
  [/^children's books and toys\b/, "crib_toys"],
  [/(?<!\btoaster|\bdutch) oven$/, "oven"],
  [/ (refrigerator|fridge)$/, "refrigerator"],
  [/ shampoo$/, "shampoo"],
];

const BY_NAME = new Map<string, readonly string[]>();
for (const [code, names] of Object.entries(NAMES)) {
  for (const name of names) BY_NAME.set(name, [...(BY_NAME.get(name) ?? []), code]);
}

/** Every code that a name can lead to; each must be in the catalogue. */
export const AMENITY_CODES: readonly string[] = Object.keys(NAMES);

/**
 * Our codes for an amenity as Inside Airbnb spells it; none where the catalogue has no such thing.
 */
export function amenityCodes(spelling: string): readonly string[] {
  const name = normalise(spelling);
  const exact = BY_NAME.get(name);
  if (exact !== undefined) return exact;
  const shape = SHAPES.find(([pattern]) => pattern.test(name));
  return shape === undefined ? [] : [shape[1]];
}

/**
 * Lower case, plain quotes and dashes, without what follows " – ", " - " or ": " and whose it is.
 */
function normalise(spelling: string): string {
  const plain = spelling
    .toLowerCase()
    .replace(/[\u2018\u2019]/g, "'")
    .replace(/[\u2013\u2014]/g, "-")
    .replace(/wi-fi/g, "wifi")
    .replace(/\s+/g, " ");
  const [name = ""] = plain.split(/ - |: /);
  return name.trim().replace(/^(private|shared) (?!entrance$)/, "");
}
