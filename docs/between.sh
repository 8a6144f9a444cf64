# For the scripts beside it, which write parts of documents from what the code does.

# between NAME FILE PART: the file with the part between its markers.
between() {
    awk -v part="$3" -v begin="<!-- $1:begin -->" -v end="<!-- $1:end -->" '
        $0 == end { inside = 0; ends++ }
        !inside { print }
        $0 == begin { inside = 1; begins++; while ((getline line < part) > 0) print line }
        END { exit !(begins == 1 && ends == 1) }
    ' "$2" || { echo "$2 needs $1:begin and $1:end, once each" >&2; exit 1; }
}

# settle OPTION FOLDER FILE...: each file becomes what the folder has under its name; with --check they are compared.
settle() {
    local option=$1 folder=$2 file bad=0
    shift 2
    for file in "$@"; do
        if [ "$option" != --check ]; then
            cp "$folder/${file##*/}" "$file"
        elif ! diff -u "$file" "$folder/${file##*/}" | cut -c1-160 | head -n 40; then
            bad=1
        fi
    done
    [ "$bad" = 0 ] || { echo "out of date: bash $0" >&2; exit 1; }
    [ "$option" != --check ] || echo "what the code does: $*"
}
