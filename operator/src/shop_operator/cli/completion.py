"""Bash completion, generated from the command line parser."""

import argparse

_SCRIPT = """\
_kubectl_shop() {{
    local word=${{COMP_WORDS[COMP_CWORD]}}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{words}" -- "$word"))
        return
    fi
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
}}
complete -o default -F _kubectl_shop kubectl-shop
"""
_NAMES = "$(kubectl get shopservices -n shop -o name 2>/dev/null | cut -d/ -f2)"


def script(parser: argparse.ArgumentParser) -> str:
    """Return the script; `source <(kubectl shop completion)` uses it."""
    commands = next(
        action.choices
        for action in parser._actions  # noqa: SLF001 - argparse has no other way to ask
        if isinstance(action, argparse._SubParsersAction)  # noqa: SLF001 - see above
    )
    cases = [
        f'        {name}) COMPREPLY=($(compgen -W "{_options(command)}" -- "$word")) ;;'
        for name, command in commands.items()
    ]
    return _SCRIPT.format(words=" ".join(commands), cases="\n".join(cases))


def _options(command: argparse.ArgumentParser) -> str:
    actions = command._actions  # noqa: SLF001 - argparse has no other way to ask
    options = [option for action in actions for option in action.option_strings]
    takes_name = any(action.dest == "name" for action in actions)
    return " ".join([*options, _NAMES] if takes_name else options)
