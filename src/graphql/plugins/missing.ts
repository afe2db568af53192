/**
 * A generated update that finds no row says NOT_FOUND, instead of answering null as if it had been
 * done. Whether the row is missing or somebody else's is not told. Deletes throw by themselves.
 */
import "postgraphile";
import { ObjectStep, object, sideEffect } from "postgraphile/grafast";
import { ApiError } from "../../errors.ts";

function requireRow(row: unknown): void {
  if (row == null) throw new ApiError("NOT_FOUND");
}

/** Makes an update of nothing an error. */
export const MissingRowsPlugin: GraphileConfig.Plugin = {
  name: "StaybaseMissingRowsPlugin",
  version: "1.0.0",
  schema: {
    hooks: {
      GraphQLObjectType_fields_field(field, _build, { scope }) {
        const { plan } = field;
        if (scope.isPgUpdateMutation !== true || plan === undefined) return field;
        return {
          ...field,
          plan($parent, fieldArgs, info) {
            const $payload = plan($parent, fieldArgs, info);
            if (!($payload instanceof ObjectStep)) return $payload;
            const $row = $payload.getStepForKey("result");
            sideEffect($row, requireRow);
            // What is made after a side effect fails with it.
            return object({ result: $row });
          },
        };
      },
    },
  },
};
