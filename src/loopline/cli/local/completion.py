"""completion: the scripts that let a shell ask `loopline --complete`."""

from __future__ import annotations

from typing import Annotated, Literal

from loopline.cli.place import Place

BASH = r"""# loopline completion for bash: eval "$(loopline completion bash)"
_loopline() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" cur lead
    local -a words
    IFS=$' \t\n' read -r -a words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=("")
    cur="${words[${#words[@]}-1]}"
    lead="${cur%"${cur##*[:@=]}"}"
    COMPREPLY=()
    while IFS=$'\t' read -r candidate _; do
        COMPREPLY+=("${candidate#"$lead"}")
    done < <(loopline --complete $((${#words[@]} - 2)) "${words[@]:1}" 2>/dev/null)
    [[ "$COMP_WORDBREAKS" == *@* || "$lead" != *@* ]] || lead="${lead%@*}"
}
complete -o default -F _loopline loopline
"""

ZSH = r"""#compdef loopline
# loopline completion for zsh: eval "$(loopline completion zsh)"
_loopline() {
    local -a values shown
    local line
    for line in ${(f)"$(loopline --complete $((CURRENT - 2)) "${(@)words[2,-1]}" 2>/dev/null)"}; do
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  }")
    done
    if (( ${#values} )); then compadd -l -d shown -a values; else _files; fi
}
compdef _loopline loopline
"""

FISH = r"""# loopline completion for fish: loopline completion fish | source
function __loopline_complete
    set -l before (commandline -opc)[2..-1]
    loopline --complete (count $before) $before (commandline -ct) 2>/dev/null
end
complete -c loopline -f -a '(__loopline_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}


def completion(
    where: Place,  # noqa: ARG001 (every local command has one)
    shell: Annotated[Literal["bash", "zsh", "fish"], "the shell that should complete"],
) -> str:
    """Print the script that lets a shell complete commands and names.

    Example:
        eval "$(loopline completion bash)"
    """
    return SCRIPTS[shell]
