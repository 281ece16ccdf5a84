"""Does a JSON value fit the OpenAPI description? The few keywords that the description uses; any other is a mistake there."""

_KNOWN = {"type", "enum", "const", "required", "properties", "additionalProperties", "items", "$ref", "allOf", "description",
          "readOnly", "writeOnly"}
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def _is_of(value, name):
    if name in ("integer", "number"):
        return not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float))
    return isinstance(value, _TYPES[name])


class Schemas:
    """The schemas of one description."""

    def __init__(self, description):
        self.schemas = description["components"]["schemas"]

    def _flat(self, schema):
        """The schema with what it refers to and is made of put together."""
        assert set(schema) <= _KNOWN, f"a keyword that nobody checks: {set(schema) - _KNOWN}"
        parts = [self._flat(self.schemas[schema["$ref"].rsplit("/", 1)[1]])] if "$ref" in schema else []
        flat = {"properties": {}, "required": []}
        for part in [*parts, *(self._flat(one) for one in schema.get("allOf", [])), schema]:
            flat = {**flat, **part, "properties": {**flat["properties"], **part.get("properties", {})},
                    "required": flat["required"] + part.get("required", [])}
        return flat

    def problems(self, value, schema, place=""):
        """What does not fit, each with its place; what the server tells and nobody has described does not fit either."""
        schema = self._flat(schema)
        kinds = schema.get("type")
        if kinds and not any(_is_of(value, kind) for kind in ([kinds] if isinstance(kinds, str) else kinds)):
            return [f"{place}: {value!r} is not {kinds}"]
        if value not in schema.get("enum", [value]) or value != schema.get("const", value):
            return [f"{place}: {value!r} is none of those allowed"]
        if isinstance(value, list) and "items" in schema:
            return [found for one in value for found in self.problems(one, schema["items"], f"{place}[]")]
        return self._problems_of_object(value, schema, place) if isinstance(value, dict) else []

    def _problems_of_object(self, value, schema, place):
        found = [f"{place}.{name} is missing" for name in schema["required"] if name not in value]
        others = schema.get("additionalProperties", not schema["properties"])
        for name, one in value.items():
            if name in schema["properties"]:
                found += self.problems(one, schema["properties"][name], f"{place}.{name}")
            elif isinstance(others, dict):
                found += self.problems(one, others, f"{place}.{name}")
            elif not others:
                found.append(f"{place}.{name} is described nowhere")
        return found
