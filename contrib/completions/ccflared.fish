# Completions of ccflared(8) for fish. contrib/dev/draw-completions draws them from the commands: edit that.
# To turn them on, put this file at ~/.config/fish/completions/ccflared.fish.

# Every command, a space before each word; the options that a value follows; those that several may follow.
set -g __ccflared_commands \
    ' init' ' check' ' config' ' schema' ' edit' ' run' ' demo' ' status' ' top' ' dashboard' ' reload' \
    ' account' ' account list' ' account add' ' account set' ' account rename' ' account remove' \
    ' account pause' ' account resume' ' account reset' ' account trust' ' account test' ' client' \
    ' client list' ' client add' ' client rotate' ' client remove' ' login' ' logout' ' explain' ' models' \
    ' usage' ' requests' ' request' ' logs' ' doctor' ' backup' ' payloads' ' payloads purge' ' alert' \
    ' alert list' ' alert acknowledge' ' alert test'
set -g __ccflared_valued \
    --config --socket --file --listen --watch --provider --mode --priority --tier --base-url --api-key-env \
    --api-key-file --model --accounts --models --expires --requests-per-hour --budget-daily --budget-monthly \
    --client --account --conversation --by --since -n --number --search --status --project --level --request
set -g __ccflared_many \
    ' client add --accounts' ' client add --models'

# Whether the words before the cursor are this command; with a place, whether that argument comes next (0 is the first,
# 1+ the second or a later one); with an option, whether another value of it comes next.
function __ccflared_at --argument-names command place
    set -l found
    set -l count 0
    set -l option
    for word in (commandline -opc)[2..]
        if test -n "$option"; and not string match -q -- '-*' $word
            contains -- "$found $option" $__ccflared_many; or set option
            continue
        end
        set option
        if contains -- $word $__ccflared_valued
            set option $word
        else if string match -q -- '-*' $word
            continue
        else if contains -- "$found $word" $__ccflared_commands
            set found "$found $word"
        else
            set count (math $count + 1)
        end
    end
    test "$found" = "$command"; or return
    switch "$place"
        case ''
            return 0
        case '-*'
            test "$option" = "$place"
        case '*+'
            test -z "$option" -a $count -ge (string trim -c + -- $place)
        case '*'
            test -z "$option" -a $count -eq $place
    end
end

# The names that ccflared knows of something: accounts, clients, models or requests.
function __ccflared_names
    command -q ccflared; or return
    set -l words (commandline -opc)
    set -l where
    for at in (seq 2 (count $words))
        switch $words[$at]
            case --config --socket
                set -a where $words[$at] $words[(math $at + 1)]
            case '--config=*' '--socket=*'
                set -a where $words[$at]
        end
    end
    command ccflared $where complete $argv 2>/dev/null
end

complete -c ccflared -f

complete -c ccflared -s h -l help -d 'show this help message and exit'
complete -c ccflared -l config -r -F -d 'the configuration file ($CCFLARED_CONFIG)'
complete -c ccflared -l socket -r -F -d 'the daemon\'s control socket ($CCFLARED_SOCKET)'

# ccflared
complete -c ccflared -n "__ccflared_at '' 0" -a init -d 'write a commented file to start from'
complete -c ccflared -n "__ccflared_at '' 0" -a check -d 'read the file and name every mistake'
complete -c ccflared -n "__ccflared_at '' 0" -a config -d 'show the values in force, and where each comes from'
complete -c ccflared -n "__ccflared_at '' 0" -a schema -d 'print the JSON Schema of the file'
complete -c ccflared -n "__ccflared_at '' 0" -a edit -d 'edit the file in your editor, and see it checked before it counts'
complete -c ccflared -n "__ccflared_at '' 0" -a run -d 'run the daemon in the foreground'
complete -c ccflared -n "__ccflared_at '' 0" -a demo -d 'see it work, without account or network'
complete -c ccflared -n "__ccflared_at '' 0" -a status -d 'show how the daemon is'
complete -c ccflared -n "__ccflared_at '' 0" -a top -d 'watch accounts, requests and costs, and act on them'
complete -c ccflared -n "__ccflared_at '' 0" -a dashboard -d 'print the address of the dashboard, which logs you in'
complete -c ccflared -n "__ccflared_at '' 0" -a reload -d 'have the file read again, and say what came of it'
complete -c ccflared -n "__ccflared_at '' 0" -a account -d 'list, add, change, rename, remove, pause, resume, reset, trust or test accounts'
complete -c ccflared -n "__ccflared_at '' 0" -a client -d 'list, add or remove clients, or give one a new key'
complete -c ccflared -n "__ccflared_at '' 0" -a login -d 'log an account in, by an address and a pasted code'
complete -c ccflared -n "__ccflared_at '' 0" -a logout -d 'forget the tokens of an account'
complete -c ccflared -n "__ccflared_at '' 0" -a explain -d 'say which account serves a model, or served a request, and why'
complete -c ccflared -n "__ccflared_at '' 0" -a models -d 'list the models that can be asked for, and who serves each'
complete -c ccflared -n "__ccflared_at '' 0" -a usage -d 'show what was used, and what it cost'
complete -c ccflared -n "__ccflared_at '' 0" -a requests -d 'list the latest requests, look for some, or follow them'
complete -c ccflared -n "__ccflared_at '' 0" -a request -d 'show all of one request'
complete -c ccflared -n "__ccflared_at '' 0" -a logs -d 'show the daemon\'s log, or follow it'
complete -c ccflared -n "__ccflared_at '' 0" -a doctor -d 'look whether everything is as it should be'
complete -c ccflared -n "__ccflared_at '' 0" -a backup -d 'write a copy of the history'
complete -c ccflared -n "__ccflared_at '' 0" -a payloads -d 'erase what is kept of requests and answers'
complete -c ccflared -n "__ccflared_at '' 0" -a alert -d 'list alerts, say that you know of them, or try the webhook'
complete -c ccflared -n "__ccflared_at ''" -s V -l version -d 'show program\'s version number and exit'

# ccflared init
complete -c ccflared -n "__ccflared_at ' init'" -l force -d 'replace a file that is there'

# ccflared check
complete -c ccflared -n "__ccflared_at ' check' 0" -F
complete -c ccflared -n "__ccflared_at ' check'" -l secrets -d 'a secret that cannot be read is a mistake, too'
complete -c ccflared -n "__ccflared_at ' check'" -l json -d 'print what was found as JSON'

# ccflared config
complete -c ccflared -n "__ccflared_at ' config'" -l defaults -d 'also show what the file leaves out'
complete -c ccflared -n "__ccflared_at ' config'" -l json -d 'print it as JSON'

# ccflared schema

# ccflared edit
complete -c ccflared -n "__ccflared_at ' edit'" -l file -r -F -d 'edit this file that the main one includes, instead of it'

# ccflared run

# ccflared demo
complete -c ccflared -n "__ccflared_at ' demo'" -l listen -x -d 'HOST:PORT to listen on'
complete -c ccflared -n "__ccflared_at ' demo'" -l traffic -d 'send some requests all the time'

# ccflared status
complete -c ccflared -n "__ccflared_at ' status'" -l watch -k -a '1 2 5 10 60' -d 'show it again every 2 seconds, or as many as given, until q or Ctrl-C'
complete -c ccflared -n "__ccflared_at ' status'" -l json -d 'print the API\'s answer'
complete -c ccflared -n "__ccflared_at ' status'" -l line -d 'print one short line, for prompts and status bars'

# ccflared top

# ccflared dashboard
complete -c ccflared -n "__ccflared_at ' dashboard'" -l json -d 'print the API\'s answer'

# ccflared reload
complete -c ccflared -n "__ccflared_at ' reload'" -l allow-less -d 'apply it even if it takes something away'
complete -c ccflared -n "__ccflared_at ' reload'" -l log -d 'print the verdicts since the start, newest first, and reload nothing'
complete -c ccflared -n "__ccflared_at ' reload'" -l json -d 'print the API\'s answer'

# ccflared account
complete -c ccflared -n "__ccflared_at ' account' 0" -a list -d 'list the accounts in the order in which they are tried'
complete -c ccflared -n "__ccflared_at ' account' 0" -a add -d 'add an account to the file'
complete -c ccflared -n "__ccflared_at ' account' 0" -a set -d 'change keys of an account in the file'
complete -c ccflared -n "__ccflared_at ' account' 0" -a rename -d 'rename an account, and wherever the file names it'
complete -c ccflared -n "__ccflared_at ' account' 0" -a remove -d 'take an account out of the file'
complete -c ccflared -n "__ccflared_at ' account' 0" -a pause -d 'take an account out until it is resumed'
complete -c ccflared -n "__ccflared_at ' account' 0" -a resume -d 'let a paused account serve again'
complete -c ccflared -n "__ccflared_at ' account' 0" -a reset -d 'forget what was learnt about an account'
complete -c ccflared -n "__ccflared_at ' account' 0" -a trust -d 'let an account\'s credential go where the file says'
complete -c ccflared -n "__ccflared_at ' account' 0" -a test -d 'send an account one minimal request'

# ccflared account list
complete -c ccflared -n "__ccflared_at ' account list'" -l json -d 'print the API\'s answer'

# ccflared account add
complete -c ccflared -n "__ccflared_at ' account add'" -l json -d 'print what was done as JSON'
complete -c ccflared -n "__ccflared_at ' account add'" -l provider -x -k -a 'anthropic claude-oauth zai minimax openrouter openai openai-compatible anthropic-compatible ollama kilo nanogpt alibaba-coding-plan deepseek moonshot together groq xai vertex bedrock' -d 'built-in provider, or one of [providers]'
complete -c ccflared -n "__ccflared_at ' account add'" -l mode -x -k -a 'max claude-oauth console zai minimax nanogpt anthropic-compatible openai-compatible bedrock kilo alibaba-coding-plan ollama vertex-ai openrouter' -d 'the same by better-ccflare\'s name'
complete -c ccflared -n "__ccflared_at ' account add'" -l priority -x -d 'lower is preferred'
complete -c ccflared -n "__ccflared_at ' account add'" -l tier -x -k -a '1 5 20' -d 'capacity: Pro 1, Max 5x 5, Max 20x 20'
complete -c ccflared -n "__ccflared_at ' account add'" -l base-url -x -d 'custom endpoint'
complete -c ccflared -n "__ccflared_at ' account add'" -l api-key-env -x -a '(set -nx)' -d 'the daemon finds the key in this environment variable'
complete -c ccflared -n "__ccflared_at ' account add'" -l api-key-file -r -F -d 'the daemon reads the key from this file'
complete -c ccflared -n "__ccflared_at ' account add'" -l api-key-stdin -d 'read the key from standard input and store it'
complete -c ccflared -n "__ccflared_at ' account add'" -l model -x -k -a 'fable= opus= sonnet= haiku=' -d 'what the upstream calls a model: opus=big-1'
complete -c ccflared -n "__ccflared_at ' account add'" -l file -r -F -d 'write it into this included file, not the main one'

# ccflared account set
complete -c ccflared -n "__ccflared_at ' account set' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account set' 1+" -k -a 'provider= enabled= pool= priority= tier= api_key= base_url= models= auto_fallback= auto_refresh= overage= billing= budget= proxy= pause_schedule= max_concurrency= one_hour_cache= session_length= passthrough= insecure= link_local= oauth= credentials_file='
complete -c ccflared -n "__ccflared_at ' account set'" -l json -d 'print what was done as JSON'
complete -c ccflared -n "__ccflared_at ' account set'" -l api-key-stdin -d 'read a new key from standard input and store it'

# ccflared account rename
complete -c ccflared -n "__ccflared_at ' account rename' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account rename'" -l json -d 'print what was done as JSON'

# ccflared account remove
complete -c ccflared -n "__ccflared_at ' account remove' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account remove'" -l json -d 'print what was done as JSON'
complete -c ccflared -n "__ccflared_at ' account remove'" -l force -d 'take it out of the chains and clients that name it, too'
complete -c ccflared -n "__ccflared_at ' account remove'" -l allow-less -d 'even if it is the last one, or takes protection away'

# ccflared account pause
complete -c ccflared -n "__ccflared_at ' account pause' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account pause'" -l json -d 'print the API\'s answer'

# ccflared account resume
complete -c ccflared -n "__ccflared_at ' account resume' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account resume'" -l json -d 'print the API\'s answer'

# ccflared account reset
complete -c ccflared -n "__ccflared_at ' account reset' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account reset'" -l json -d 'print the API\'s answer'

# ccflared account trust
complete -c ccflared -n "__ccflared_at ' account trust' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account trust'" -l json -d 'print the API\'s answer'

# ccflared account test
complete -c ccflared -n "__ccflared_at ' account test' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' account test'" -l json -d 'print the API\'s answer'

# ccflared client
complete -c ccflared -n "__ccflared_at ' client' 0" -a list -d 'list the clients with their limits and what they have used'
complete -c ccflared -n "__ccflared_at ' client' 0" -a add -d 'add a client and show its key, once'
complete -c ccflared -n "__ccflared_at ' client' 0" -a rotate -d 'give a client a new key and show it, once'
complete -c ccflared -n "__ccflared_at ' client' 0" -a remove -d 'take a client out of the file'

# ccflared client list
complete -c ccflared -n "__ccflared_at ' client list'" -l json -d 'print the API\'s answer'

# ccflared client add
complete -c ccflared -n "__ccflared_at ' client add'" -l json -d 'print what was done as JSON'
complete -c ccflared -n "__ccflared_at ' client add'" -l accounts -x -k -a '(__ccflared_names accounts)' -d 'accounts it may use, names or globs'
complete -c ccflared -n "__ccflared_at ' client add' --accounts" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' client add'" -l models -x -k -a '(__ccflared_names models)' -d 'models it may ask for'
complete -c ccflared -n "__ccflared_at ' client add' --models" -k -a '(__ccflared_names models)'
complete -c ccflared -n "__ccflared_at ' client add'" -l pin -d 'it may choose an account by x-ccflared-account'
complete -c ccflared -n "__ccflared_at ' client add'" -l expires -x -d 'the day from which its key counts no more: 2027-01-01'
complete -c ccflared -n "__ccflared_at ' client add'" -l requests-per-hour -x -d 'how often it may ask'
complete -c ccflared -n "__ccflared_at ' client add'" -l budget-daily -x -d 'what it may use up in a day'
complete -c ccflared -n "__ccflared_at ' client add'" -l budget-monthly -x -d 'what it may use up in a month'

# ccflared client rotate
complete -c ccflared -n "__ccflared_at ' client rotate' 0" -k -a '(__ccflared_names clients)'
complete -c ccflared -n "__ccflared_at ' client rotate'" -l json -d 'print what was done as JSON'
complete -c ccflared -n "__ccflared_at ' client rotate'" -l keep-old -d 'the old key counts, too, until --drop-old'
complete -c ccflared -n "__ccflared_at ' client rotate'" -l drop-old -d 'make no new key'

# ccflared client remove
complete -c ccflared -n "__ccflared_at ' client remove' 0" -k -a '(__ccflared_names clients)'
complete -c ccflared -n "__ccflared_at ' client remove'" -l json -d 'print what was done as JSON'
complete -c ccflared -n "__ccflared_at ' client remove'" -l allow-less -d 'even if it is the last one, or takes protection away'

# ccflared login
complete -c ccflared -n "__ccflared_at ' login' 0" -k -a '(__ccflared_names accounts)'
complete -c ccflared -n "__ccflared_at ' login'" -l code-stdin -d 'read the code from the standard input though it is no terminal'

# ccflared logout
complete -c ccflared -n "__ccflared_at ' logout' 0" -k -a '(__ccflared_names accounts)'

# ccflared explain
complete -c ccflared -n "__ccflared_at ' explain' 0" -k -a '(__ccflared_names models requests)'
complete -c ccflared -n "__ccflared_at ' explain'" -l client -x -k -a '(__ccflared_names clients)' -d 'for this client of [clients]'
complete -c ccflared -n "__ccflared_at ' explain'" -l account -x -k -a '(__ccflared_names accounts)' -d 'for a request that is pinned to this account'
complete -c ccflared -n "__ccflared_at ' explain'" -l conversation -x -d 'for this conversation, named as in the history'
complete -c ccflared -n "__ccflared_at ' explain'" -l json -d 'print the API\'s answer'

# ccflared models
complete -c ccflared -n "__ccflared_at ' models'" -l client -x -k -a '(__ccflared_names clients)' -d 'as this client of [clients] sees them'
complete -c ccflared -n "__ccflared_at ' models'" -l json -d 'print the API\'s answer'

# ccflared usage
complete -c ccflared -n "__ccflared_at ' usage'" -l by -x -k -a 'account model client project day hour' -d 'what makes a row: account, model, client, project, day, hour'
complete -c ccflared -n "__ccflared_at ' usage'" -l since -x -k -a '24h 7d 30d 90d today yesterday' -d 'a span of time such as 12h or 30d, rounded to whole hours or days, or a day'
complete -c ccflared -n "__ccflared_at ' usage'" -l json -d 'print the API\'s answer'
complete -c ccflared -n "__ccflared_at ' usage'" -l csv -d 'print rows for a spreadsheet, with plain numbers'

# ccflared requests
complete -c ccflared -n "__ccflared_at ' requests'" -s f -l follow -d 'go on with each request that comes, until Ctrl-C'
complete -c ccflared -n "__ccflared_at ' requests'" -s n -l number -x -d 'how many requests, 1 to 1000'
complete -c ccflared -n "__ccflared_at ' requests'" -l search -x -d 'look in what was said in bodies that are kept, and in errors'
complete -c ccflared -n "__ccflared_at ' requests'" -l account -x -k -a '(__ccflared_names accounts)' -d 'that this account served'
complete -c ccflared -n "__ccflared_at ' requests'" -l status -x -k -a 'success error all 400 401 404 429 500 503 529' -d 'answered with this status'
complete -c ccflared -n "__ccflared_at ' requests'" -l client -x -k -a '(__ccflared_names clients)' -d 'of this client'
complete -c ccflared -n "__ccflared_at ' requests'" -l model -x -k -a '(__ccflared_names models)' -d 'that asked for this model'
complete -c ccflared -n "__ccflared_at ' requests'" -l project -x -d 'of this project'
complete -c ccflared -n "__ccflared_at ' requests'" -l conversation -x -d 'of this conversation'
complete -c ccflared -n "__ccflared_at ' requests'" -l json -d 'print the API\'s answer'

# ccflared request
complete -c ccflared -n "__ccflared_at ' request' 0" -k -a '(__ccflared_names requests)'
complete -c ccflared -n "__ccflared_at ' request'" -l body -d 'print what was asked and answered, where [storage] keep_payloads keeps it'
complete -c ccflared -n "__ccflared_at ' request'" -l json -d 'print the API\'s answer'

# ccflared logs
complete -c ccflared -n "__ccflared_at ' logs'" -s f -l follow -d 'go on with each line that comes, until Ctrl-C'
complete -c ccflared -n "__ccflared_at ' logs'" -s n -l number -x -d 'how many lines, 1 to 1000'
complete -c ccflared -n "__ccflared_at ' logs'" -l level -x -k -a 'debug info warning error' -d 'only lines of this level and graver: debug, info, warning, error'
complete -c ccflared -n "__ccflared_at ' logs'" -l account -x -k -a '(__ccflared_names accounts)' -d 'only lines about this account'
complete -c ccflared -n "__ccflared_at ' logs'" -l request -x -k -a '(__ccflared_names requests)' -d 'only lines about this request, or about all whose ids begin so'
complete -c ccflared -n "__ccflared_at ' logs'" -l json -d 'print the lines as JSON'

# ccflared doctor
complete -c ccflared -n "__ccflared_at ' doctor'" -l full -d 'also hold indexes against tables'
complete -c ccflared -n "__ccflared_at ' doctor'" -l rebuild-totals -d 'have the daemon add up hours and days anew from the rows'
complete -c ccflared -n "__ccflared_at ' doctor'" -l json -d 'print what was found as JSON'

# ccflared backup
complete -c ccflared -n "__ccflared_at ' backup' 0" -F
complete -c ccflared -n "__ccflared_at ' backup'" -l force -d 'replace an earlier copy, or another database, that is there'
complete -c ccflared -n "__ccflared_at ' backup'" -l payloads -d 'also copy the kept bodies, to PATH with .payloads in its name'

# ccflared payloads
complete -c ccflared -n "__ccflared_at ' payloads' 0" -a purge -d 'erase the kept bodies of all requests and answers'

# ccflared payloads purge
complete -c ccflared -n "__ccflared_at ' payloads purge'" -l yes -d 'do not ask'
complete -c ccflared -n "__ccflared_at ' payloads purge'" -l json -d 'print the API\'s answer'

# ccflared alert
complete -c ccflared -n "__ccflared_at ' alert' 0" -a list -d 'list the open alerts, and the latest of the others'
complete -c ccflared -n "__ccflared_at ' alert' 0" -a acknowledge -d 'say that somebody knows of an alert, or of all'
complete -c ccflared -n "__ccflared_at ' alert' 0" -a test -d 'send a test to the webhook'

# ccflared alert list
complete -c ccflared -n "__ccflared_at ' alert list'" -l json -d 'print the API\'s answer'

# ccflared alert acknowledge
complete -c ccflared -n "__ccflared_at ' alert acknowledge' 0" -k -a 'all'
complete -c ccflared -n "__ccflared_at ' alert acknowledge'" -l json -d 'print the API\'s answer'

# ccflared alert test
complete -c ccflared -n "__ccflared_at ' alert test'" -l json -d 'print the API\'s answer'
