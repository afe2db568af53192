/**
 * Names as clients expect them: `id` is the id of the row, enum values are in capitals, and a
 * mutation answers with what it is about. It decides nothing about what is exposed.
 */
import "postgraphile";

/** Replaces the parts of the inflection that would surprise. */
export const NamingPlugin: GraphileConfig.Plugin = {
  name: "StaybaseNamingPlugin",
  version: "1.0.0",
  inflection: {
    replace: {
      // Without the Node interface there is no other `id` that a column could be confused with.
      _attributeName(previous, _preset, details) {
        return previous?.({ ...details, skipRowId: true }) ?? details.attributeName;
      },
      enumValue(previous, _preset, value, codec) {
        return (previous?.(value, codec) ?? value).toUpperCase();
      },
      // create_quote answers { quote }, block_nights { calendarClaims }.
      functionMutationResultFieldName(previous, _preset, details) {
        const { resource } = details;
        if (
          resource.extensions?.tags?.resultFieldName !== undefined ||
          !resource.codec.attributes
        ) {
          return previous?.(details) ?? "result";
        }
        const name = this.tableType(resource.codec);
        return this.camelCase(resource.isUnique ? name : this.pluralize(name));
      },
    },
  },
};
