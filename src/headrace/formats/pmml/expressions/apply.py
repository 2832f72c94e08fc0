"""Apply: built-in functions and those that the document defines.

A function whose argument is missing gives a missing result, unless it says otherwise (isMissing, if, and, or, the
aggregates). ``mapMissingTo`` replaces a result that is missing because an argument is; ``defaultValue`` one that is
missing for any other reason. Standard: "Functions", PMML 4.4.
"""

from __future__ import annotations

import numpy as np

from headrace.formats.pmml.columns import Column, cast, constant, put
from headrace.formats.pmml.datatypes import ANY, read_type
from headrace.formats.pmml.expressions.arguments import compile_validity, find_reference, order_arguments
from headrace.formats.pmml.expressions.compiler import FAMILIES, find_expression
from headrace.formats.pmml.expressions.compiler import compile_expression as compile_any
from headrace.formats.pmml.expressions.functions.builtin import Builtin
from headrace.formats.pmml.expressions.functions.registry import FUNCTIONS
from headrace.formats.pmml.expressions.patterns import explain_pattern
from headrace.formats.pmml.expressions.references import read_constant
from headrace.formats.pmml.scope import Compute, Context, Field, Function, Scope
from headrace.formats.pmml.xml import Element, malformed, unsupported

_TAKE_PATTERNS = ("matches", "replace")
VALIDITY = ("isValid", "isNotValid")
INVALID = frozenset({"returnInvalid", "asIs", "asMissing"})
MAX_APPLICATIONS = 50_000
"""Defined functions that apply one another can multiply without end; so the count of applications is limited."""


def compile_expression(element: Element, scope: Scope) -> Compute:
    """Compile an Apply."""
    name = element.require("function")
    element.choice("invalidValueTreatment", INVALID, "returnInvalid")
    children = [child for child in element.children if child.tag in FAMILIES]
    arguments: list[Compute] = [compile_any(child, scope) for child in children]
    with_defaults = "mapMissingTo" in element.attributes or "defaultValue" in element.attributes
    if with_defaults:
        arguments = [_keep(argument) for argument in arguments]
    defined = scope.functions.get(name)
    if defined is not None:
        compute = _apply_defined(element, scope, defined, children, arguments)
        strict = False
    else:
        builtin = FUNCTIONS.get(name)
        if builtin is None:
            raise malformed(element, f"there is no function {name!r}")
        arguments = order_arguments(builtin, children, scope, arguments)
        compute, strict = _apply_builtin(element, builtin, children, scope, arguments), builtin.strict
    if not with_defaults:
        return compute
    return _with_defaults(element, compute, arguments if strict else arguments[:1])


def _keep(argument: Compute) -> Compute:
    """Have an argument computed once a batch, however often it is asked for."""
    field = Field("", ANY, "", argument)
    return lambda context: context.column(field)


def _apply_builtin(
    element: Element, builtin: Builtin, children: list[Element], scope: Scope, arguments: list[Compute]
) -> Compute:
    most = builtin.most if builtin.most is not None else len(arguments)
    if not builtin.least <= len(arguments) <= most:
        wanted = f"{builtin.least}" if most == builtin.least else f"{builtin.least} to {builtin.most or 'any number'}"
        raise malformed(element, f"{builtin.name} takes {wanted} arguments, not {len(arguments)}")
    if builtin.name in VALIDITY:
        validity = compile_validity(children[0], scope, builtin.name == "isValid")
        if validity is not None:
            return validity
    if builtin.name in _TAKE_PATTERNS:
        _check_pattern(children[1])
    call = builtin.call
    return lambda context: call([argument(context) for argument in arguments])


def _check_pattern(child: Element) -> None:
    if child.tag == "Constant" and (reason := explain_pattern(child.text)):
        raise unsupported(child, f"the regular expression {child.text[:80]!r} (RE2 runs it): {reason}")


def _apply_defined(
    element: Element, scope: Scope, function: Function, children: list[Element], arguments: list[Compute]
) -> Compute:
    name = element.require("function")
    if len(arguments) != len(function.parameters):
        raise malformed(element, f"{name} takes {len(function.parameters)} arguments, not {len(arguments)}")
    if function.open:
        raise malformed(element, f"the function {name!r} applies itself")
    scope.count_application(element, MAX_APPLICATIONS)
    inner = scope.child()
    inner.parameters = frozenset(function.parameters)
    declared = function.element.find_all("ParameterField")
    for parameter, child, argument in zip(declared, children, arguments, strict=True):
        inner.fields[parameter.require("name")] = _bind(parameter, child, scope, argument)
    function.open = True
    try:
        body = compile_any(find_expression(function.element), inner)
    finally:
        function.open = False
    if "dataType" not in function.element.attributes:
        return body
    result = read_type(function.element)
    return lambda context: cast(body(context), result)


def _bind(parameter: Element, child: Element, scope: Scope, argument: Compute) -> Field:
    """Make the field that a parameter is: of its own type, else of the argument's; a field stays the field it is."""
    name, optype = parameter.require("name"), parameter.get("optype")
    if "dataType" in parameter.attributes:
        return Field(name, read_type(parameter), optype, argument)
    reference = find_reference(child, scope)
    if reference is not None:
        return reference
    return Field(name, read_constant(child)[1] if child.tag == "Constant" else ANY, optype, argument)


def _with_defaults(element: Element, compute: Compute, watched: list[Compute]) -> Compute:
    replacement = element.attributes.get("mapMissingTo")
    default = element.attributes.get("defaultValue")

    def apply(context: Context) -> Column:
        column = compute(context)
        missing = column.missing()
        if not missing.any():
            return column
        caused = np.zeros(context.size, dtype=np.bool_)
        for argument in watched:
            caused |= argument(context).missing()
        caused &= missing
        if replacement is not None:
            column = put(column, caused, constant(replacement, context.size))
        if default is not None:
            column = put(column, missing & ~caused, constant(default, context.size))
        return column

    return apply
