# Completions of ccflared(8) for bash 4 and later.
# contrib/dev/draw-completions draws them from the commands: edit that.
# To turn them on, put this file at ~/.local/share/bash-completion/completions/ccflared, or source it in ~/.bashrc.

# Split the line up to the cursor into words, as the shell would, but run and expand nothing of it. Sets words (those
# that are finished), cur (the last one, without its quotes), quote (the one that is still open) and kept (how many
# letters of cur readline leaves as they are, because it begins its own word behind them).
_ccflared_split() {
    local line=${COMP_LINE:0:COMP_POINT} letter next begun='' i
    words=() cur='' quote='' kept=0
    for ((i = 0; i < ${#line}; i++)); do
        letter=${line:i:1} next=${line:i+1:1}
        if [[ $quote == "'" && $letter != "'" ]]; then
            cur+=$letter
        elif [[ $quote == '"' && $letter == \\ && $next == [\$\`\"\\] ]]; then
            cur+=$next
            ((++i))
        elif [[ $quote == '"' && $letter != '"' ]]; then
            cur+=$letter
        elif [[ $quote ]]; then
            quote='' kept=0
        elif [[ $letter == [\'\"] ]]; then
            quote=$letter kept=${#cur} begun=1
        elif [[ $letter == \\ ]]; then
            cur+=$next begun=1
            ((++i))
        elif [[ $letter == [[:space:]] ]]; then
            [[ $begun ]] && words+=("$cur")
            cur='' kept=0 begun=''
        else
            cur+=$letter begun=1
            [[ ${COMP_WORDBREAKS-} == *"$letter"* ]] && kept=${#cur}
        fi
    done
}

# Offer those of some words that begin as cur does, quoted as they have to be where the cursor stands.
_ccflared_offer() {
    local word
    for word; do
        word=$before$word
        [[ $word == "$cur"* ]] || continue
        word=${word:kept}
        case $quote in
            "'") word=${word//\'/\'\\\'\'} ;;
            '"') word=${word//[\\]/\\\\} word=${word//\"/\\\"} word=${word//\$/\\\$} word=${word//\`/\\\`} ;;
            *) printf -v word %q "$word" ;;
        esac
        COMPREPLY+=("$word")
    done
}

# Offer words that go on: no space is put behind them.
_ccflared_begin() {
    compopt -o nospace
    _ccflared_offer "$@"
}

# Offer the names that ccflared knows of something: accounts, clients, models or requests.
_ccflared_names() {
    local name names=()
    while IFS=$'\t' read -r name _; do
        names+=("$name")
    done < <(command ccflared "${where[@]}" complete "$@" 2>/dev/null)
    _ccflared_offer "${names[@]}"
}

# Leave files to readline, which knows best how they are written.
_ccflared_files() {
    compopt -o default
}

_ccflared_takes_value() {
    case $1 in
        --config | --socket | --file | --listen | --watch | --provider | --mode | --priority | --tier | \
            --base-url | --api-key-env | --api-key-file | --model | --accounts | --models | --expires | \
            --requests-per-hour | --budget-daily | --budget-monthly | --client | --account | --conversation | \
            --by | --since | -n | --number | --search | --status | --project | --level | --request)
            return 0
            ;;
    esac
    return 1
}

# Whether any number of values may follow an option, given behind its command.
_ccflared_many() {
    case $1 in
        'client add --accounts' | 'client add --models') return 0 ;;
    esac
    return 1
}

_ccflared_is_command() {
    case ${1# } in
        init | check | config | schema | edit | run | demo | status | top | dashboard | reload | account | \
            'account list' | 'account add' | 'account set' | 'account rename' | 'account remove' | \
            'account pause' | 'account resume' | 'account reset' | 'account trust' | 'account test' | client | \
            'client list' | 'client add' | 'client rotate' | 'client remove' | login | logout | explain | models | \
            usage | requests | request | logs | doctor | backup | payloads | 'payloads purge' | alert | \
            'alert list' | 'alert acknowledge' | 'alert test')
            return 0
            ;;
    esac
    return 1
}

_ccflared_options() {
    case $command in
        '') _ccflared_offer -h --help --config --socket -V --version ;;
        init) _ccflared_offer -h --help --config --socket --force ;;
        check) _ccflared_offer -h --help --config --socket --secrets --json ;;
        config) _ccflared_offer -h --help --config --socket --defaults --json ;;
        schema) _ccflared_offer -h --help --config --socket ;;
        edit) _ccflared_offer -h --help --config --socket --file ;;
        run) _ccflared_offer -h --help --config --socket ;;
        demo) _ccflared_offer -h --help --config --socket --listen --traffic ;;
        status) _ccflared_offer -h --help --config --socket --watch --json --line ;;
        top) _ccflared_offer -h --help --config --socket ;;
        dashboard) _ccflared_offer -h --help --config --socket --json ;;
        reload) _ccflared_offer -h --help --config --socket --allow-less --log --json ;;
        account) _ccflared_offer -h --help --config --socket ;;
        'account list') _ccflared_offer -h --help --config --socket --json ;;
        'account add')
            _ccflared_offer -h --help --config --socket --json --provider --mode --priority --tier \
                --base-url --api-key-env --api-key-file --api-key-stdin --model --file
            ;;
        'account set') _ccflared_offer -h --help --config --socket --json --api-key-stdin ;;
        'account rename') _ccflared_offer -h --help --config --socket --json ;;
        'account remove') _ccflared_offer -h --help --config --socket --json --force --allow-less ;;
        'account pause') _ccflared_offer -h --help --config --socket --json ;;
        'account resume') _ccflared_offer -h --help --config --socket --json ;;
        'account reset') _ccflared_offer -h --help --config --socket --json ;;
        'account trust') _ccflared_offer -h --help --config --socket --json ;;
        'account test') _ccflared_offer -h --help --config --socket --json ;;
        client) _ccflared_offer -h --help --config --socket ;;
        'client list') _ccflared_offer -h --help --config --socket --json ;;
        'client add')
            _ccflared_offer -h --help --config --socket --json --accounts --models --pin --expires \
                --requests-per-hour --budget-daily --budget-monthly
            ;;
        'client rotate') _ccflared_offer -h --help --config --socket --json --keep-old --drop-old ;;
        'client remove') _ccflared_offer -h --help --config --socket --json --allow-less ;;
        login) _ccflared_offer -h --help --config --socket --code-stdin ;;
        logout) _ccflared_offer -h --help --config --socket ;;
        explain) _ccflared_offer -h --help --config --socket --client --account --conversation --json ;;
        models) _ccflared_offer -h --help --config --socket --client --json ;;
        usage) _ccflared_offer -h --help --config --socket --by --since --json --csv ;;
        requests)
            _ccflared_offer -h --help --config --socket -f --follow -n --number --search --account --status \
                --client --model --project --conversation --json
            ;;
        request) _ccflared_offer -h --help --config --socket --body --json ;;
        logs)
            _ccflared_offer -h --help --config --socket -f --follow -n --number --level --account --request \
                --json
            ;;
        doctor) _ccflared_offer -h --help --config --socket --full --rebuild-totals --json ;;
        backup) _ccflared_offer -h --help --config --socket --force --payloads ;;
        payloads) _ccflared_offer -h --help --config --socket ;;
        'payloads purge') _ccflared_offer -h --help --config --socket --yes --json ;;
        alert) _ccflared_offer -h --help --config --socket ;;
        'alert list') _ccflared_offer -h --help --config --socket --json ;;
        'alert acknowledge') _ccflared_offer -h --help --config --socket --json ;;
        'alert test') _ccflared_offer -h --help --config --socket --json ;;
    esac
}

# Complete the value of an option: the commands that have it differ in little.
_ccflared_value() {
    case "$command $option" in
        *' --config' | *' --socket' | 'edit --file' | 'account add --file' | 'account add --api-key-file')
            _ccflared_files
            ;;
        'status --watch') _ccflared_offer 1 2 5 10 60 ;;
        'account add --provider')
            _ccflared_offer anthropic claude-oauth zai minimax openrouter openai openai-compatible \
                anthropic-compatible ollama kilo nanogpt alibaba-coding-plan deepseek moonshot together groq xai \
                vertex bedrock
            ;;
        'account add --mode')
            _ccflared_offer max claude-oauth console zai minimax nanogpt anthropic-compatible \
                openai-compatible bedrock kilo alibaba-coding-plan ollama vertex-ai openrouter
            ;;
        'account add --tier') _ccflared_offer 1 5 20 ;;
        'account add --api-key-env') mapfile -t COMPREPLY < <(compgen -v -P "$before" -- "${cur#"$before"}") ;;
        'account add --model') _ccflared_begin fable= opus= sonnet= haiku= ;;
        'client add --accounts' | 'explain --account' | 'requests --account' | 'logs --account')
            _ccflared_names accounts
            ;;
        'client add --models' | 'requests --model') _ccflared_names models ;;
        'explain --client' | 'models --client' | 'requests --client') _ccflared_names clients ;;
        'usage --by') _ccflared_offer account model client project day hour ;;
        'usage --since') _ccflared_offer 24h 7d 30d 90d today yesterday ;;
        'requests --status') _ccflared_offer success error all 400 401 404 429 500 503 529 ;;
        'logs --level') _ccflared_offer debug info warning error ;;
        'logs --request') _ccflared_names requests ;;
    esac
}

# Complete an argument by its place, or the word of a command.
_ccflared_argument() {
    case "$command $arguments" in
        ' 0')
            _ccflared_offer init check config schema edit run demo status top dashboard reload account \
                client login logout explain models usage requests request logs doctor backup payloads alert
            ;;
        'check 0' | 'backup 0') _ccflared_files ;;
        'account 0') _ccflared_offer list add set rename remove pause resume reset trust test ;;
        'account set 0' | 'account rename 0' | 'account remove 0' | 'account pause 0' | 'account resume 0' | \
            'account reset 0' | 'account trust 0' | 'account test 0' | 'login 0' | 'logout 0')
            _ccflared_names accounts
            ;;
        'account set '[1-9]*)
            _ccflared_begin provider= enabled= pool= priority= tier= api_key= base_url= models= \
                auto_fallback= auto_refresh= overage= billing= budget= proxy= pause_schedule= max_concurrency= \
                one_hour_cache= session_length= passthrough= insecure= link_local= oauth= credentials_file=
            ;;
        'client 0') _ccflared_offer list add rotate remove ;;
        'client rotate 0' | 'client remove 0') _ccflared_names clients ;;
        'explain 0') _ccflared_names models requests ;;
        'request 0') _ccflared_names requests ;;
        'payloads 0') _ccflared_offer purge ;;
        'alert 0') _ccflared_offer list acknowledge test ;;
        'alert acknowledge 0') _ccflared_offer all ;;
    esac
}

_ccflared() {
    local words cur quote kept before='' word command='' option='' where=() arguments=0
    COMPREPLY=()
    _ccflared_split
    for word in "${words[@]:1}"; do
        if [[ $option && $word != -* ]]; then
            [[ $option == --config || $option == --socket ]] && where+=("$option" "$word")
            _ccflared_many "$command $option" || option=''
            continue
        fi
        option=''
        case $word in
            --config=* | --socket=*) where+=("$word") ;;
            -*) _ccflared_takes_value "$word" && option=$word ;;
            *)
                if _ccflared_is_command "$command $word"; then
                    command=${command:+$command }$word
                else
                    ((++arguments))
                fi
                ;;
        esac
    done
    if [[ $cur == --*=* ]]; then
        option=${cur%%=*}
        before=$option=
    elif [[ $cur == -* ]]; then
        _ccflared_options
        return
    fi
    if [[ $option ]]; then
        _ccflared_value
    else
        _ccflared_argument
    fi
    return 0
}

complete -F _ccflared ccflared
